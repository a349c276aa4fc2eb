"""Settings of a spec as dictionaries in dictionaries, by dotted keys."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

Tree = dict[str, Any]


def put(tree: Tree, path: str, value: Any) -> None:
    """Set a value; what is above it is made if need be."""
    *above, last = path.split(".")
    for key in above:
        tree = tree.setdefault(key, {})
    tree[last] = value


def look(tree: Tree, path: str, default: Any = None) -> Any:
    """Return the value at a dotted key."""
    for key in path.split("."):
        if not isinstance(tree, dict) or key not in tree:
            return default
        tree = tree[key]
    return tree


def leaves(tree: Tree, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting by its dotted key; a list is one setting."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def merged(tree: Tree, other: Tree) -> Tree:
    """Return the settings of both, those of the other where they have the same."""
    result = deepcopy(tree)
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = deepcopy(value)
    return result
