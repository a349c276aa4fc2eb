"""Maps of weights: how tensors of a foreign model become our parameters, by names and shapes."""
