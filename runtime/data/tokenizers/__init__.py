"""Tokenizers: one module for each kind, and one for what they have in common."""
