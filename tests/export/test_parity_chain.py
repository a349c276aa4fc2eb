"""Random networks give the same numbers by all ways to compute them: the links of `chain.py`."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from compiler.export.programs import may_read_nothing
from compiler.export.targets import TARGETS
from compiler.mask.parse import parse
from runtime.export.comparison import largest_difference
from runtime.export.exporters import EXPORTERS
from tests.export.chain import Chain, Step, chain_of, chains, tabulated
from tests.export.random_runs import able, trees
from tests.support.knobs import Tree
from tests.support.own_format import NAME, OwnExporter, OwnTarget

OWN = {"cached", "prefill"}


@pytest.mark.parametrize(
    ("count", "least"),
    [pytest.param(10, 1, id="few"), pytest.param(100, 5, id="many", marks=pytest.mark.slow)],
)
def test_all_links_give_the_numbers_of_the_network(count: int, least: int, tmp_path: Path) -> None:
    """Graphs of ONNX take most of the time: the few networks have them once for each task."""
    is_long = count > 10
    steps: list[Step] = []
    with_graphs: set[str] = set()
    for chain in chains(count, 0, tmp_path):
        skipped = {"onnx"} if not is_long and chain.package.spec.task in with_graphs else set()
        new = list(chain.steps(compiles=is_long, without=skipped))
        if "onnx" in [each.link for each in new]:
            with_graphs.add(chain.package.spec.task)
        steps += new
        torch._dynamo.reset()
    print(tabulated(steps))
    assert [each for each in steps if not each.is_right] == []
    used = [each.link for each in steps]
    links = OWN | set(TARGETS) | ({"compiled"} if is_long else set())
    assert {link for link in links if used.count(link) < least} == set()


def test_specs_are_always_the_same_and_of_all_sorts() -> None:
    assert trees(10) == trees(10)
    assert len({repr(tree["model"]) for tree in trees(10)}) == 10
    assert len({tree["task"] for tree in trees(10)}) == 5


def with_cross_mask(mask: str) -> Tree:
    tree = deepcopy(next(each for each in trees(10)[1:] if each["task"] == "translation"))
    tree["model"]["decoder"]["cross_attention"] = {"mask": mask}
    return tree


@pytest.mark.parametrize("name", ["onnx", "torch"])
def test_a_state_that_holds_the_source_has_a_graph(name: str, tmp_path: Path) -> None:
    """A mask of cross-attention is computed at each step, of the tokens that were read."""
    chain = chain_of(0, with_cross_mask("causal | window(2)"), tmp_path)
    ours, theirs = chain.numbers(chain.own), chain.numbers(chain.exported(name))
    assert largest_difference(ours, theirs) < 1e-5


def test_onnx_weighs_all_keys_where_nothing_may_be_read(tmp_path: Path) -> None:
    """So masks that leave nothing to read are refused; this fails once ONNX Runtime gives zeros."""
    chain = chain_of(0, with_cross_mask("window(2)"), tmp_path)
    assert able(chain.package) == [each for each in able(chain.package) if each != "onnx"]
    ours, theirs = chain.numbers(chain.own), chain.numbers(chain.exported("onnx"))
    assert largest_difference(ours, theirs) > 1e-3
    assert largest_difference(ours, chain.numbers(chain.exported("torch"))) < 1e-5


@pytest.mark.parametrize(
    ("mask", "may"),
    [
        *(("all", False), ("causal", False), ("causal | window(2)", False)),
        *(("last(2) | first(1)", False), ("window(3)", True), ("dilated(2)", True)),
    ],
)
def test_masks_that_may_leave_nothing_to_read_are_known(mask: str, may: bool) -> None:
    assert may_read_nothing(parse(mask)) is may


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Chain, OwnExporter]:
    """The chain of a random network with one link, an exporter whose weights may be spoiled."""
    for table in (TARGETS, EXPORTERS):
        for name in list(table):
            monkeypatch.delitem(table, name)
    exporter = OwnExporter()
    monkeypatch.setitem(TARGETS, NAME, OwnTarget())
    monkeypatch.setitem(EXPORTERS, NAME, exporter)
    return next(chains(4, 1, tmp_path)), exporter


def test_a_wrong_network_and_one_that_fails_are_found(
    spoiled: tuple[Chain, OwnExporter], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain, exporter = spoiled
    found = {each.link: each for each in chain.steps()}
    assert found[NAME].is_right
    assert found[NAME].difference < 1e-6
    for number, added in enumerate((1e-3, float("nan"))):
        chain.folder = tmp_path / f"again-{number}"
        chain.folder.mkdir()
        exporter.added = added
        found = {each.link: each for each in chain.steps()}
        assert not found[NAME].is_right
        assert found["cached"].is_right

    def fail(*_: object) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr(exporter, "write", fail)
    chain.folder = tmp_path / "failing"
    chain.folder.mkdir()
    wrong = [each for each in chain.steps() if not each.is_right]
    assert [each.error for each in wrong] == ["RuntimeError: no more"]
    assert "| safetensors | 1 |  |  | 1 |" in tabulated(wrong)
