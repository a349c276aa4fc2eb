"""From text files to batches of token numbers."""
