"""Trained networks in formats of other programs, compared before they are there."""
