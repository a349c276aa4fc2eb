"""Published models: folders of `transformers` that become runs."""
