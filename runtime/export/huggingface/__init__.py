"""Folders that transformers loads: with a class of its own, or with the generated network."""
