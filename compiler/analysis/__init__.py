"""Passes that read the IR: they answer a question about a network, or refuse it."""
