"""From a generated package and its data to a trained network."""
