"""Tiny networks and random text as files: what engines are given."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import command
from benchmarks.architecture import Size, compile_size
from benchmarks.engines.engine import Network
from benchmarks.networks import seeded_network

ROWS = 60
SMALL = Size(layers=2, d_model=16, d_ff=24, heads=2, batch_tokens=256)


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that random text is there at once."""
    monkeypatch.setattr(command, "RANDOM_PAIRS", {command.TRAIN: 60, command.TEST: 20})


@pytest.fixture
def make_network(tmp_path: Path) -> Callable[..., Network]:
    """make_network("pre", part=TEST): norms before or after the sub-layers."""

    def make(place: str = "post", *, part: str = "train") -> Network:
        options = Namespace(random_text=ROWS, device="cpu")
        settings = [f"model.vocabulary.size={ROWS}", f"model.norm.place={place}"]
        compiled = compile_size(SMALL, dropout=0.1, attention_dropout=0.2, settings=settings)
        return seeded_network(compiled, part, options, tmp_path / place)

    return make
