"""Tokenizers as other programs read them: a `tokenizer.json`, and what stands beside it."""
