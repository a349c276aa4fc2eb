"""The spec: what an author may write, what is inherited, what is left to defaults."""
