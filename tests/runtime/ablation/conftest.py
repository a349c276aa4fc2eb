"""A folder of an ablation as training leaves it."""

from pathlib import Path

import pytest

from tests.ablations import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path / "table3")
