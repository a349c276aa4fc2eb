"""A spec that is broken in any way ends in diagnostics inside the file, never in a traceback."""

import copy
import random
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
KEYS = ("kind", "heads", "tsv", "parallel", "extends", "shared", "learned", "sentencepiece", "x y")
CHARACTERS = "{}[]:,&*!|>'\"%@`#-? \n\t\\\x00\x85\u2028é0a"


@settings(max_examples=EXAMPLES)
@given(tree=specs(), seed=st.integers(0, 2**32 - 1), times=st.integers(1, 3))
def test_broken_trees(tree: Tree, seed: int, times: int, tmp_path: Path) -> None:
    chance, mutated = random.Random(seed), copy.deepcopy(tree)
    for _ in range(times):
        mutate(mutated, chance)
    compiles_or_explains(yaml.safe_dump(mutated, sort_keys=False), tmp_path)


@settings(max_examples=EXAMPLES)
@given(tree=specs(), seed=st.integers(0, 2**32 - 1))
def test_broken_texts(tree: Tree, seed: int, tmp_path: Path) -> None:
    chance, text = random.Random(seed), yaml.safe_dump(tree, sort_keys=False)
    for _ in range(chance.randint(1, 3)):
        start = chance.randrange(len(text))
        end = start + chance.choice((0, 1, 1, 5, 30))
        text = text[:start] + chance.choice(("", chance.choice(CHARACTERS))) + text[end:]
    compiles_or_explains(text, tmp_path)


def mutate(tree: Tree, chance: random.Random) -> None:
    """Replaces, removes, renames or adds one entry somewhere in the tree."""
    holder: Any = tree
    while True:
        below = [each for each in holder.values() if isinstance(each, dict) and each]
        if not below or chance.random() < 0.3:
            break
        holder = chance.choice(below)
    key = chance.choice(list(holder))
    match chance.randrange(4):
        case 0:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        case 1:
            del holder[key]
        case 2:
            holder[chance.choice(KEYS)] = holder.pop(key)
        case 3:
            holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))


def compiles_or_explains(text: str, folder: Path) -> None:
    path = folder / "mutated.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    for diagnostic in diagnostics(path):
        assert render(diagnostic)
        assert diagnostic.span.source.name == str(path)
        line = diagnostic.span.source.line(diagnostic.span.line)
        assert diagnostic.span.column <= len(line) + 1


def diagnostics(path: Path) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec: nothing if it compiles, at least one thing if it does not."""
    try:
        compile_spec(str(path))
    except Rejected as rejected:
        return rejected.diagnostics or pytest.fail("rejected without a reason")
    return ()
