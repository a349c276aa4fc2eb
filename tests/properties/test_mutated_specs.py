"""A spec that is broken in any way ends in diagnostics inside the file, never in a traceback."""

import copy
import random
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.source.diagnostic import Diagnostic
from tests.support.knobs import Tree
from tests.support.mutations import diagnostics, mutate, require_inside, scribble
from tests.support.strategies import specs

EXAMPLES = 300
LONGEST_SECONDS = 1.0


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


@pytest.mark.quick
@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting(opening: str, depth: int, tmp_path: Path) -> None:
    compiles_or_explains(opening * depth, tmp_path)


def compiles_or_explains(text: str, folder: Path) -> None:
    path = folder / "mutated.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    found, seconds = timed_diagnostics(path)
    if seconds > LONGEST_SECONDS:
        # Again, since a busy machine or the collector of garbage may have taken them.
        _, seconds = timed_diagnostics(path)
    assert seconds < LONGEST_SECONDS
    require_inside(found, path, text)


def timed_diagnostics(path: Path) -> tuple[tuple[Diagnostic, ...], float]:
    start = time.process_time()
    return diagnostics(path), time.process_time() - start
