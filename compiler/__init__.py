"""The compiler: YAML text to a generated PyTorch package. Never imports torch."""
