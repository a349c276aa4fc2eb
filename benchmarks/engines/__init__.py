"""Ours and the peers, each behind the same few methods."""
