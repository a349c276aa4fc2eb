"""Decoders: the generated network, or an export of it in another program."""
