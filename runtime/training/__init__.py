"""Training of the network of a generated package on its data."""
