"""What the tables of graphs say of a spec is what its network has a graph of."""

import pytest

from compiler.analysis.refusals import is_traceable
from compiler.export.programs import ALL_PAIRS, DENSE_EXPERTS, GREEDY, ONNX, TORCH
from compiler.export.target import refusals
from compiler.pipeline import compile_spec
from compiler.spec.library import library
from compiler.spec.load import load

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("name", library())
def test_specs_without_graphs_are_refused_and_no_others(name: str) -> None:
    package = compile_spec(name)
    for table in (ONNX, TORCH):
        assert (refusals(table, package.loaded) == []) is is_traceable(package.model)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("demo", set()),
        ("local-global", {ALL_PAIRS}),
        ("head-masks", {ALL_PAIRS}),
        ("sinks", {ALL_PAIRS}),
        ("experts", {DENSE_EXPERTS}),
        ("llama-like", {GREEDY}),
    ],
)
def test_what_graphs_compute_otherwise_is_told(name: str, words: set[str]) -> None:
    verdicts = ONNX.verdicts(load(name)).values()
    assert {each.words for each in verdicts if each.status == "said otherwise"} == words
