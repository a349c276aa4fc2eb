"""A training that ends after some time of updates; the clock of these tests is counted."""

import math
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.command.run_overview import find_runs, overviews
from runtime.errors import UserError
from runtime.training import train, trainer
from runtime.training.interruption import Interruption
from runtime.training.metrics import read_figures
from runtime.training.workers import Workers

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
MINUTES, UPDATES = 0.5, 30
RECIPE: dict[str, Any] = {
    "steps": None,
    "minutes": MINUTES,
    "optimizer": {"kind": "adam"},
    "schedule": {"kind": "cosine", "warmup_steps": 4, "peak": 0.01, "end": 0.001},
}


class Clock:
    """Each reading is a second after the one before, so an update takes one, and a look too."""

    def __init__(self) -> None:
        self.perf_counter = count().__next__


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "time", Clock())


def test_it_ends_when_its_updates_have_taken_the_time(
    tmp_path: Path, make_package: Make, run_training: Callable[..., Any]
) -> None:
    """The time of validations is not counted, and the rate has come down to its end."""
    summary = run_training(make_package(**RECIPE), tmp_path / "run")
    assert (summary.reason, summary.step) == ("minutes", UPDATES)
    assert summary.seconds > 60 * MINUTES
    figures = read_figures(tmp_path / "run", "train")
    rates = {each["step"]: each["learning_rate"] for each in figures}
    for step in (10, 20, 30):
        share = (step - 1) / UPDATES
        expected = 0.001 + 0.009 * (1 + math.cos(math.pi * share)) / 2
        assert rates[step] == pytest.approx(expected)
    assert rates[1] == pytest.approx(0.01 / 4)
    valid = [*read_figures(tmp_path / "run", "valid")]
    assert valid[-1]["step"] == UPDATES


def test_the_time_that_was_spent_counts_after_a_pause(
    tmp_path: Path,
    make_package: Make,
    run_training: Callable[..., Any],
    interrupt: Callable[..., Any],
    assert_same: Callable[[Path, Path], None],
) -> None:
    package = make_package(**RECIPE)
    run_training(package, tmp_path / "whole")
    with interrupt(13), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


def test_a_run_of_some_time_is_finished_then(
    tmp_path: Path, make_package: Make, run_training: Callable[..., Any], interrupt: Any
) -> None:
    package = make_package(**RECIPE)
    run_training(package, tmp_path / "runs" / "whole")
    with interrupt(13), pytest.raises(Interruption):
        run_training(package, tmp_path / "runs" / "paused")
    found = {
        Path(each.folder).name: each.state for each in overviews(find_runs([tmp_path / "runs"]))
    }
    assert found == {"whole": "finished", "paused": "stopped"}


def test_a_rate_that_does_not_come_down_knows_no_time(
    tmp_path: Path, make_package: Make, run_training: Callable[..., Any]
) -> None:
    recipe = RECIPE | {"schedule": {"kind": "constant", "warmup_steps": 0, "peak": 0.01}}
    assert run_training(make_package(**recipe), tmp_path / "run").step == UPDATES


def test_several_processes_have_several_clocks(make_package: Make) -> None:
    package = train.load_package(make_package(**RECIPE))
    with pytest.raises(UserError, match="a clock of its own"):
        train._require_one_clock(package, Workers(size=2))
    lock = yaml.safe_load((package.folder / "spec.lock.yaml").read_text())
    assert lock["training"]["minutes"] == MINUTES
