"""Changes of coordinates: other settings and other numbers by which a network computes the same.

Each takes the spec and the tensors of a network, and returns those of the other one.
"""
