"""From a trained network to text: beam search and what stands around it."""
