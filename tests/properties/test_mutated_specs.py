"""A spec that is broken in any way ends in diagnostics inside the file, never in a traceback."""

import copy
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Diagnostic, Rejected, render
from tests.strategies import Tree, specs

EXAMPLES = 300
LONGEST_SECONDS = 1.0
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


@settings(max_examples=EXAMPLES)
@given(tree=specs(), seed=st.integers(0, 2**32 - 1), times=st.integers(1, 3))
def test_broken_trees(tree: Tree, seed: int, times: int, tmp_path: Path) -> None:
    chance, mutated = random.Random(seed), copy.deepcopy(tree)
    for _ in range(times):
        mutate(mutated, chance)
    compiles_or_explains(yaml.safe_dump(mutated, sort_keys=False), tmp_path)


@settings(max_examples=EXAMPLES)
@given(tree=specs(), seed=st.integers(0, 2**32 - 1), times=st.integers(1, 3))
def test_broken_texts(tree: Tree, seed: int, times: int, tmp_path: Path) -> None:
    chance, text = random.Random(seed), yaml.safe_dump(tree, sort_keys=False)
    for _ in range(times):
        text = scribble(text, chance)
    compiles_or_explains(text, tmp_path)


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting(opening: str, depth: int, tmp_path: Path) -> None:
    compiles_or_explains(opening * depth, tmp_path)


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


def compiles_or_explains(text: str, folder: Path) -> None:
    path = folder / "mutated.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    start = time.process_time()
    found = diagnostics(path)
    assert time.process_time() - start < LONGEST_SECONDS
    for diagnostic in found:
        assert render(diagnostic)
        for span in (diagnostic.span, *(note.span for note in diagnostic.notes)):
            assert span.source.name == str(path)
            assert 1 <= span.line <= len(text) + 1
            assert 1 <= span.column <= len(span.source.line(span.line)) + 1


def diagnostics(path: Path) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec: nothing if it compiles, at least one thing if it does not."""
    try:
        compile_spec(str(path))
    except Rejected as rejected:
        return rejected.diagnostics or pytest.fail("rejected without a reason")
    return ()
