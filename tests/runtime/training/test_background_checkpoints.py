"""Checkpoints are written while the training goes on, and nothing of what they promise is lost."""

import errno
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.checkpoints import checkpoint as checkpoints
from runtime.checkpoints.background import BackgroundWriter, copied
from runtime.checkpoints.listing import list_checkpoints
from runtime.errors import DivergenceError, UserError
from runtime.training.interruption import Interruption
from runtime.training.train import Summary
from runtime.training.trainer import Trainer
from runtime.training.update import Updater

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
Train = Callable[..., Summary]
AssertSame = Callable[[Path, Path], None]


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The updates that were made so far."""
    seen: list[int] = []
    update = Trainer._update

    def noted(trainer: Trainer) -> None:
        update(trainer)
        seen.append(trainer.progress.step)

    monkeypatch.setattr(Trainer, "_update", noted)
    return seen


def patched_save(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[Path], None]
) -> Callable[..., None]:
    """Has `before` called with each file of a checkpoint before it is written."""
    save = checkpoints._save

    def patched(tensors: Any, path: Path, metadata: dict[str, str]) -> None:
        before(path)
        save(tensors, path, metadata)

    monkeypatch.setattr(checkpoints, "_save", patched)
    return patched


def test_updates_go_on_while_a_checkpoint_is_written(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    updates: list[int],
    monkeypatch: pytest.MonkeyPatch,
    assert_same: AssertSame,
) -> None:
    """What is written is the state of its update, whatever happens to the weights meanwhile."""
    package = make_package()
    run_training(package, tmp_path / "whole")
    updates.clear()
    seen: list[int] = []

    def wait_for_updates(_: Path) -> None:
        step = 10 * len(seen) // 2
        while len(updates) < min(step + 5, 30):
            threading.Event().wait(0.001)
        seen.append(len(updates))

    patched_save(monkeypatch, wait_for_updates)
    run_training(package, tmp_path / "slow")
    assert seen[0] >= 5
    assert_same(tmp_path / "whole", tmp_path / "slow")


def test_a_full_disk_ends_the_training_at_the_next_update(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    updates: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    patched_save(monkeypatch, fail)
    monkeypatch.setattr(BackgroundWriter, "start", started_and_done)
    with pytest.raises(UserError, match="the disk is full"):
        run_training(make_package(), tmp_path / "run")
    assert updates[-1] == 10
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def started_and_done(writer: BackgroundWriter, write: Callable[[], None], _name: str) -> None:
    writer.wait()
    writer._newest = writer._pool.submit(write)
    writer._newest.exception()


def test_the_last_checkpoint_is_waited_for(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    patched_save(monkeypatch, lambda _: threading.Event().wait(0.2) and None)
    run_training(make_package(steps=10), tmp_path / "run")
    names = [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert names == ["step-00000010"]


def test_a_training_that_fails_waits_for_its_last_checkpoint(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise another process could take over the run while this one still writes."""
    update = Updater.__call__

    def diverging(updater: Updater, *arguments: Any) -> torch.Tensor:
        figures = update(updater, *arguments)
        is_late = (tmp_path / "writing").exists()
        return figures * float("nan") if is_late else figures

    def write_slowly(_: Path) -> None:
        (tmp_path / "writing").touch()
        threading.Event().wait(0.3)

    monkeypatch.setattr(Updater, "__call__", diverging)
    patched_save(monkeypatch, write_slowly)
    with pytest.raises(DivergenceError):
        run_training(make_package(), tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints" / "step-00000010").is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_told_which_checkpoint_is_waited_for(
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    said: list[str],
    interrupt: Callable[..., AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    """It comes while the checkpoint of the first one is being written, which is not lost."""
    expected = "waiting until the checkpoint after update 12 is written"

    def be_interrupted(path: Path) -> None:
        if "interim" in str(path) and expected not in said:
            os.kill(os.getpid(), number)
            for _ in range(1000):
                threading.Event().wait(0.01 if expected not in said else 0)

    patched_save(monkeypatch, be_interrupted)
    with interrupt(12, number), pytest.raises(Interruption, match="after update 12"):
        run_training(make_package(), tmp_path / "run")
    assert said.count(expected) == 1
    assert [each.step for each in list_checkpoints(tmp_path / "run" / "checkpoints")] == [10, 12]


def test_a_run_that_is_renamed_while_it_is_saved_keeps_the_checkpoint(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(path: Path) -> None:
        if path.name == checkpoints.TRAINER and (tmp_path / "run").exists():
            (tmp_path / "run").rename(tmp_path / "moved")

    patched_save(monkeypatch, rename)
    run_training(make_package(steps=10), tmp_path / "run")
    assert (tmp_path / "moved" / "checkpoints" / "step-00000010").is_dir()
    assert not (tmp_path / "run").exists()


def test_copies_are_left_alone_by_updates() -> None:
    tensors = {"weight": torch.ones(2, 3), "step": torch.tensor(1.0)}
    copies = copied(tensors)
    tensors["weight"].add_(1)
    tensors["step"].add_(1)
    assert copies["weight"].eq(1).all()
    assert copies["step"] == 1
