"""Random changes of one key of a random spec, and the lines of code that they change."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from compiler.source.diagnostic import Rejected
from compiler.source_map import SourceMap, source_map
from compiler.spec.load import load
from tests.support.knobs import Tree
from tests.support.strategies import specs

Change = tuple[tuple[str, ...], Any]
"""The path of a key of a spec, and its other value; `ABSENT` where the key is taken out."""
ABSENT = object()


@st.composite
def changes(draw: st.DrawFn) -> tuple[Tree, list[Change]]:
    """A random spec, and changes of single keys in a random order: values of another random spec.

    Some of the changes give no spec, as their values do not go together with the others.
    """
    one = draw(specs())
    other = draw(specs(asked=("task", one["task"])))
    found = [each for each in differences(one, other) if each[0][0] in ("model", "training")]
    draw(st.randoms(use_true_random=False)).shuffle(found)
    return one, found


def differences(one: Tree, other: Tree, path: tuple[str, ...] = ()) -> Iterator[Change]:
    """Yield the keys whose values differ, with those of the other; sections of one kind by keys."""
    for key in dict.fromkeys((*one, *other)):
        before, after = one.get(key, ABSENT), other.get(key, ABSENT)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from differences(before, after, (*path, key))
        elif before is ABSENT or before != after:
            yield (*path, key), after


def changed_tree(tree: Tree, change: Change) -> Tree:
    """Return a spec with one key changed."""
    tree = copy.deepcopy(tree)
    (*above, key), value = change
    holder = tree
    for step in above:
        holder = holder[step]
    if value is ABSENT:
        del holder[key]
    else:
        holder[key] = copy.deepcopy(value)
    return tree


def map_of(tree: Tree, folder: Path) -> SourceMap:
    """Return the source map of a spec that is given as a tree; raises `Rejected`."""
    path = folder / "random.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return source_map(load(str(path)))


def first_valid(tree: Tree, found: list[Change], folder: Path) -> tuple[Change, SourceMap] | None:
    """Return the first change that gives a spec, with its source map; None if none does."""
    for each in found:
        try:
            return each, map_of(changed_tree(tree, each), folder)
        except Rejected:
            continue
    return None
