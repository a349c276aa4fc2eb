"""The intermediate representation: a tree of named blocks whose bodies are typed statements."""
