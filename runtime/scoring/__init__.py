"""Scores of trained networks: translations, probabilities of texts, labels."""
