"""Ways in which a spec can be broken, as a tree and as text."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Diagnostic, Rejected, render
from tests.support.knobs import Tree

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**40,
    10**30,
    0.5,
    float("inf"),
    float("nan"),
    "",
    "none",
    "xavier",
    [],
    [1],
    {},
    {"kind": "learned"},
    {"kind": 3},
    {"heads": 2},
    {"tsv": "a"},
)
KEYS = (
    *("kind", "shared", "heads", "tsv", "source", "extends", "attention", "norm"),
    *("parallel", "learned", "sentencepiece", "x y", "1", ""),
)
CHARACTERS = "{}[]:,&*!|>%~<'\"%@`#-? \n\t\\\x00\x85\u2028é0a"


def mutate(tree: Tree, chance: random.Random) -> None:
    """Replaces, removes, renames, copies or adds one entry somewhere in the tree."""
    holder = chance.choice(list(mappings(tree)))
    key, value = chance.choice([*holder.items(), ("data", {})])
    match chance.randrange(5):
        case 0:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        case 1:
            holder.pop(key, None)
        case 2:
            holder[chance.choice(KEYS)] = holder.pop(key, None)
        case 3:
            chance.choice(list(mappings(tree)))[key] = copy.deepcopy(value)
        case 4:
            holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))


def mappings(tree: Tree) -> Iterator[Tree]:
    """The tree and the mappings in it."""
    yield tree
    for each in tree.values():
        if isinstance(each, dict):
            yield from mappings(each)


def scribble(text: str, chance: random.Random) -> str:
    """Removes, inserts or swaps characters at one place of the text."""
    start = chance.randint(0, len(text))
    end = start + chance.choice((0, 1, 1, 2, 5, 30))
    odd = chance.choice(("", text[start:end][::-1], chance.choice(CHARACTERS)))
    return text[:start] + odd + text[end:]


def diagnostics(path: Path) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec: warnings at most if it compiles, an error if it does not."""
    try:
        return compile_spec(str(path)).warnings
    except Rejected as rejected:
        found = rejected.diagnostics
    assert any(each.severity == "error" for each in found)
    return found


def require_inside(found: tuple[Diagnostic, ...], path: Path, text: str) -> None:
    """Every place that diagnostics name lies in the file."""
    for diagnostic in found:
        assert render(diagnostic)
        for span in (diagnostic.span, *(note.span for note in diagnostic.notes)):
            assert span.source.name == str(path)
            assert 1 <= span.line <= len(text) + 1
            assert 1 <= span.column <= len(span.source.line(span.line)) + 1
