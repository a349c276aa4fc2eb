"""What two networks compute of the same input, and where they part."""
