"""Rewrites of the IR, and what is computed from it."""
