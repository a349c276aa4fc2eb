"""Import maps: how the tensors of a foreign model become our parameters. Names and shapes only."""
