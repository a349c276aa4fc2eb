"""The attention weights of trained networks, as arrays, pages, figures and numbers."""
