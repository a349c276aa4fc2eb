"""What the tables of graphs say of a spec is what its network has a graph of."""

from dataclasses import replace

import pytest

from compiler.analysis.refusals import is_traceable
from compiler.export.programs import ALL_PAIRS, DENSE_EXPERTS, GREEDY, ONNX, TORCH
from compiler.export.report import report_on
from compiler.export.target import Table, refusals
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
    assert {each.words for each in verdicts if each.status == "converted"} == words


@pytest.mark.parametrize("table", [ONNX, TORCH])
def test_a_tokenizer_without_a_file_is_refused_before_anything_is_recorded(table: Table) -> None:
    words = load("demo", ["data.tokenizer={kind: sentencepiece, model: word}"])
    (refused,) = refusals(table, words)
    assert "a run of unknown words" in refused.message


@pytest.mark.parametrize("table", [ONNX, TORCH])
def test_a_setting_outside_of_the_network_needs_a_rule(table: Table) -> None:
    """So that a setting of decoding that nobody has thought of is not promised."""
    common = {key: rule for key, rule in table.rules.items() if "Decoding.ends" not in key}
    with pytest.raises(LookupError, match="has no rule for"):
        replace(table, rules=common).verdicts(load("demo"))


def test_what_onnx_computes_otherwise_is_that_of_its_own_table() -> None:
    loaded = load("local-global")
    (line,) = report_on(loaded, [ONNX]).converted(ONNX)
    assert line.endswith(f": {ALL_PAIRS}")
    assert "mask" in line
