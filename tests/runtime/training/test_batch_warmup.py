"""Batches that grow by whole micro-batches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.training.interruption import Interruption
from runtime.training.update import Updater

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
RECIPE: dict[str, Any] = {
    "batch_tokens": 120,
    "accumulate": 4,
    "batch_warmup": {"steps": 9, "start": 0.25},
    "optimizer": {"kind": "adam"},
}


def test_they_grow_and_go_on_to_the_bit(
    tmp_path: Path,
    make_package: Make,
    run_training: Callable[..., Any],
    interrupt: Callable[..., Any],
    assert_same: Callable[[Path, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts: list[int] = []
    call = Updater.__call__

    def counted(updater: Updater, examples: Any, batches: Any, rate: float) -> Any:
        counts.append(len(batches))
        return call(updater, examples, batches, rate)

    monkeypatch.setattr(Updater, "__call__", counted)
    package = make_package(**RECIPE)
    run_training(package, tmp_path / "whole")
    assert counts[:3] == [1, 2, 2]
    assert max(counts[:9]) <= 4
    assert 4 in counts[9:]
    with interrupt(6), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")
