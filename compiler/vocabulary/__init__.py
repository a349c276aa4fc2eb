"""Vocabularies of other programs' tokenizers, read without the libraries that made them."""
