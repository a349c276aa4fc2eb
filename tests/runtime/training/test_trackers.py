"""Trackers, of which stand-ins record what they are told, and the log of a run."""

import importlib.util
import json
import re
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from compiler.spec.load import load
from runtime.errors import UserError
from runtime.training import trackers
from runtime.training.train import Summary, train

Train = Callable[..., Summary]


class Recorder:
    """Stands in for a tracker."""

    def __init__(self, run: trackers.TrackedRun) -> None:
        self.run = run
        self.told: list[tuple[str, int, dict[str, float]]] = []
        self.is_closed = False
        OPENED.append(self)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self.told.append((next(iter(values)).partition("/")[0], step, dict(values)))

    def close(self) -> None:
        self.is_closed = True


class Broken(Recorder):
    """A tracker whose server is gone after the first figures."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        super().write(step, values)
        raise ConnectionError("the server is gone")


OPENED: list[Recorder] = []


@pytest.fixture(autouse=True)
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    OPENED.clear()
    found = importlib.util.find_spec
    names = {"wandb": "there", "trackio": "there", "tensorboard": None}
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: names[name] if name in names else found(name)
    )
    monkeypatch.setitem(trackers.TRACKERS, "wandb", Recorder)
    monkeypatch.setitem(trackers.TRACKERS, "trackio", Broken)


@pytest.fixture
def train_tracked(make_package: Callable[..., Path], tmp_path: Path) -> Train:
    package = make_package(steps=12, every=6)

    def run(*names: str, resume: bool = False, report: Callable[[str], None] = print) -> Summary:
        return train(
            package,
            tmp_path / "run",
            cache=tmp_path / "cache",
            trackers=names,
            resume=resume,
            report=report,
        )

    return run


def figures(run: Path) -> list[tuple[str, int]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [(each["kind"], each["step"]) for each in map(json.loads, lines)]


def test_a_tracker_gets_all_figures(train_tracked: Train) -> None:
    summary = train_tracked("wandb")
    (tracker,) = OPENED
    assert [(kind, step) for kind, step, _ in tracker.told] == figures(summary.folder)
    assert "train/loss" in tracker.told[0][2]
    assert "train/step" not in tracker.told[0][2]
    assert tracker.run.step == 0
    assert tracker.is_closed


def test_a_run_keeps_its_name(train_tracked: Train) -> None:
    train_tracked("wandb")
    train_tracked("wandb", resume=True)
    first, second = OPENED
    assert first.run.name == second.run.name
    assert re.fullmatch(r"run-[0-9a-f]{8}", first.run.name)
    assert second.run.step == 12


def test_a_tracker_that_fails_is_left_out_and_training_goes_on(train_tracked: Train) -> None:
    said: list[str] = []
    summary = train_tracked("trackio", "wandb", report=said.append)
    broken, other = OPENED
    assert len(broken.told) == 1
    assert len(other.told) == len(figures(summary.folder))
    (line,) = [line for line in said if line.startswith("trackio")]
    assert "the server is gone" in line


def test_a_tracker_that_cannot_begin_is_an_error(
    train_tracked: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: trackers.TrackedRun) -> trackers.Tracker:
        raise ValueError("no account")

    monkeypatch.setitem(trackers.TRACKERS, "wandb", refuse)
    with pytest.raises(UserError, match="--track wandb: no account"):
        train_tracked("wandb")


def test_tensorboard_that_nobody_asked_for_cannot_end_a_training(
    train_tracked: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: trackers.TrackedRun) -> trackers.Tracker:
        raise ImportError("another version of protobuf is needed")

    monkeypatch.setattr("importlib.util.find_spec", lambda _: "there")
    monkeypatch.setitem(trackers.TRACKERS, "tensorboard", refuse)
    assert train_tracked("wandb").step == 12
    with pytest.raises(UserError, match="--track tensorboard: another version"):
        train_tracked("tensorboard", resume=True)


def test_a_tracker_that_is_not_installed(
    train_tracked: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="`wandb` is not installed"):
        train_tracked("wandb")
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_nobody_knows(train_tracked: Train) -> None:
    with pytest.raises(UserError, match="no such tracker") as refused:
        train_tracked("mlflow")
    assert refused.value.help == "one of tensorboard, trackio, wandb"


@pytest.mark.quick
def test_tensorboard_forgets_what_came_after_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []
    scalars: dict[str, tuple[float, int]] = {}

    class Writer:
        def __init__(self, folder: str, *, purge_step: int) -> None:
            made.append((folder, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            scalars[name] = (value, step)

    module: Any = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run: Any = types.SimpleNamespace(folder=tmp_path, name="run", spec=None, step=9)
    trackers.TensorBoard(run).write(10, {"train/loss": 3.0})
    assert made == [(str(tmp_path / "tensorboard"), 10)]
    assert scalars == {"train/loss": (3.0, 10)}


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "expected"),
    [("wandb", {"update": 10, "valid/nll": 2.0}), ("trackio", {"valid/nll": 2.0})],
)
def test_libraries_are_called_as_they_document(
    name: str, expected: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, Any, Any]] = []
    module: Any = types.ModuleType(name)
    for each in ("init", "log", "finish", "define_metric"):

        def call(*given: Any, _name: str = each, **named: Any) -> Any:
            calls.append((_name, given, named))
            return module

        setattr(module, each, call)
    monkeypatch.setitem(sys.modules, name, module)
    spec = load("demo").spec
    run = trackers.TrackedRun(folder=tmp_path, name="run-1", spec=spec, step=9)
    kinds: dict[str, Callable[[trackers.TrackedRun], trackers.Tracker]] = {
        "wandb": trackers.WeightsAndBiases,
        "trackio": trackers.Trackio,
    }
    tracker = kinds[name](run)
    tracker.write(10, {"valid/nll": 2.0})
    tracker.close()
    begun = calls[0][2]
    assert (begun["name"], begun["resume"]) == ("run-1", "allow")
    assert begun["config"] == spec.model_dump(mode="json")
    logged = next(given for called, given, _ in calls if called == "log")
    assert logged == (expected,)
    assert calls[-1][0] == "finish"


def test_the_log_has_all_that_was_said(train_tracked: Train) -> None:
    said: list[str] = []
    folder = train_tracked(report=said.append).folder
    lines = (folder / "train.log").read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == [*said, "the end"]
    again: list[str] = []
    train_tracked(resume=True, report=again.append)
    lines = (folder / "train.log").read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == [*said, "the end", *again, "the end"]


def test_the_log_has_the_error_that_ended_a_training(
    train_tracked: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("runtime.training.trainer.Trainer.train", fail)
    with pytest.raises(MemoryError):
        train_tracked()
    assert (tmp_path / "run" / "train.log").read_text().endswith(" MemoryError: no room\n")
