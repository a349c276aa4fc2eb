"""The weights of other people's models, through an import map."""
