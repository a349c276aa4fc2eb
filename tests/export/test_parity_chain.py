"""Random networks give the same numbers by all ways to compute them: the links of `chain.py`."""

from pathlib import Path

import pytest
import torch

from compiler.export.targets import TARGETS
from runtime.export.exporters import EXPORTERS
from tests.export.chain import Chain, chains, tabulated
from tests.export.random_runs import trees
from tests.support.own_format import NAME, OwnExporter, OwnTarget

OWN = {"cached", "prefill"}


@pytest.mark.parametrize(
    ("count", "least"),
    [pytest.param(10, 1, id="few"), pytest.param(100, 5, id="many", marks=pytest.mark.slow)],
)
def test_all_links_give_the_numbers_of_the_network(count: int, least: int, tmp_path: Path) -> None:
    is_long = count > 10
    steps = []
    for chain in chains(count, 0, tmp_path):
        steps += chain.steps(compiles=is_long)
        torch._dynamo.reset()
    print(tabulated(steps))
    assert [each for each in steps if not each.is_right] == []
    used = [each.link for each in steps]
    links = OWN | set(TARGETS) | ({"compiled"} if is_long else set())
    assert {link for link in links if used.count(link) < least} == set()


def test_specs_are_always_the_same_and_of_all_sorts() -> None:
    assert trees(10) == trees(10)
    assert len({tree["task"] for tree in trees(10)}) == 5


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
