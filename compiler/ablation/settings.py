"""Settings by dotted key, as trees whose places lie in the ablation's file."""

import re
from collections.abc import Iterator
from dataclasses import replace

from compiler.source.diagnostic import Diagnostic, Rejected, for_each, mistake
from compiler.source.node import Mapping, Node, Path, Scalar, to_python
from compiler.source.span import Span
from compiler.source.write import flow
from compiler.spec.overrides import is_key, nested

SEED = ("training", "seed")


def settings(node: Node | None) -> tuple[Mapping, ...]:
    """A tree for each line of `set:`; raises `Rejected`."""
    if not isinstance(node, Mapping):
        return ()
    lines = node.entries.items()
    return tuple(for_each(lines, lambda line: setting(line[0], node.keys[line[0]], line[1])))


def setting(key: str, at: Span, value: Node) -> Mapping:
    """The tree with one value at a dotted key; raises `Rejected` if it is no setting."""
    if not is_key(key) or key.startswith("extends"):
        help = "for example `model.attention.heads: 4`"
        raise Rejected([mistake(at, "bad-override", "a setting is a key with dots", help)])
    is_quoted = at.source.line(at.line)[at.column - 1 : at.column] in ("'", '"')
    tree = nested(key, value, replace(at, column=at.column + is_quoted))
    require_no_seed(tree)
    return tree


def require_no_seed(tree: Mapping) -> None:
    """Raise `Rejected` if a tree sets the seed."""
    for path, node in leaves(tree):
        if path == SEED:
            raise Rejected([_seed(node.span)])


def _seed(span: Span) -> Diagnostic:
    message = "the seed is no setting of an ablation: every row runs once with each of its seeds"
    return mistake(span, "seed-setting", message, "`seeds: [1, 2, 3]` at the top level")


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Return each value that is set, with its keys: lists are values."""
    if not isinstance(node, Mapping) or not node.entries:
        yield path, node
        return
    for key, below in node.entries.items():
        yield from leaves(below, (*path, key))


def dotted(path: Path) -> str:
    """`model.attention.heads`."""
    return ".".join(map(str, path))


def text_of_node(node: Node) -> str:
    """A value on one line, as one writes it."""
    return flow(to_python(node))


def slug(text: str) -> str:
    """The text as a part of the name of a folder."""
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-")


def word_of(node: Node, what: str, help: str) -> str:
    """Return a value as a part of the name of a folder.

    Raises `Rejected` for a value that would give no name; `what` the value is begins its message.
    """
    if isinstance(node, Scalar) and (word := slug(text_of_node(node))):
        return word
    message = f"{what} is a number or a word: its row is called so"
    raise Rejected([mistake(node.span, "bad-value", message, help)])
