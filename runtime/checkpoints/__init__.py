"""Checkpoints of a run: each is written whole or not at all, and checked before it is used."""
