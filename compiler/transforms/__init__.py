"""Passes that rewrite the IR."""
