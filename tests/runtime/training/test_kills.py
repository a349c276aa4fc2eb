"""Killed at random moments, a run loses only the work since its last checkpoint."""

import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from runtime.training.train import train

PROCESSES = multiprocessing.get_context("forkserver")


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_at_random_moments_change_nothing(
    kills: int,
    tmp_path: Path,
    make_package: Callable[..., Path],
    assert_same: Callable[[Path, Path], None],
) -> None:
    package = make_package(steps=150, every=5, dropout=0.1)
    PROCESSES.set_forkserver_preload(["runtime.training.train"])
    started = time.monotonic()
    whole = start(package, tmp_path / "whole")
    whole.join()
    assert whole.exitcode == 0
    seconds = time.monotonic() - started
    draw = random.Random(kills)
    for _ in range(kills):
        process = start(package, tmp_path / "killed")
        process.join(draw.uniform(0.2, 1.5) * seconds / kills)
        process.kill()
        process.join()
    last = start(package, tmp_path / "killed")
    last.join()
    assert last.exitcode == 0
    assert_same(tmp_path / "whole", tmp_path / "killed")


def start(package: Path, run: Path) -> multiprocessing.process.BaseProcess:
    """Begins to train, or to continue, in a process of its own."""
    process = PROCESSES.Process(
        target=train,
        args=(package, run),
        kwargs={"cache": run.parent / "cache", "resume": run.exists()},
    )
    process.start()
    return process
