"""A spec to start from."""

from compiler.emit.template import fill
from compiler.source.write import flow

SCHEMA_FILE = "specformer.schema.json"
"""What the first line of a new spec tells an editor to read."""


def starter(name: str, extends: str | None) -> str:
    """The text of a new spec: a variant of another, or one that stands alone."""
    parent = flow(extends) if extends else None
    return fill("starter.yaml.jinja", name=name, extends=parent, schema=SCHEMA_FILE)
