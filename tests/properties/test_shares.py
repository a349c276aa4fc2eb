"""Two processes that keep a half of each weight compute what one computes."""

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.support.knobs import Tree
from tests.support.objectives import assert_close, assert_same_gradients, drawn, without_dropout
from tests.support.pair import ask, for_shares, pair, trained_whole
from tests.support.ports import free_port
from tests.support.strategies import specs

pytestmark = pytest.mark.usefixtures("exact")


@pytest.fixture(scope="module")
def both() -> Iterator[list[Connection]]:
    """The two processes, which last as long as the tests of this file."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "tests.support.pair"])
    with pair(context, free_port()) as ends:
        yield ends


@settings(max_examples=12)
@given(tree=specs())
def test_shares_are_the_whole(tree: Tree, both: list[Connection], tmp_path: Path) -> None:
    """Losses, gradients, and the weights after an update."""
    tree = for_shares(without_dropout(tree))
    folders = [tmp_path / name for name in ("first", "second", "whole")]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    losses, gradients, weights = ask(both, tree, folders[:2])
    expected = trained_whole(drawn(tree, folders[2]))
    assert_same_gradients((losses, gradients), expected[:2])
    assert weights.keys() == expected[2].keys()
    for name, weight in weights.items():
        assert_close(weight, expected[2][name], 1e-5, name)
