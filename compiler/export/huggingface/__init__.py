"""Classes of transformers, as the tables of families describe them, and the specs they can say."""
