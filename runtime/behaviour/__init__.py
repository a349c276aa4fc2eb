"""Compare what two networks compute of the same input, and find where they part."""
