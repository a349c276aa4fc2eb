"""Killed at random moments, a run loses only the work since its last checkpoint."""

import random
import signal
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from runtime.checkpoints.listing import list_checkpoints
from runtime.training.train import train

KILLS = 20

Start = Callable[[Path], BaseProcess]


def test_kills_at_random_moments_change_nothing(
    tmp_path: Path,
    make_package: Callable[..., Path],
    assert_same: Callable[[Path, Path], None],
    processes: ForkServerContext,
) -> None:
    def start(run: Path) -> BaseProcess:
        """Begins to train, or to continue, in a process of its own."""
        settings = {"cache": tmp_path / "cache", "resume": run.exists()}
        process = processes.Process(target=train, args=(package, run), kwargs=settings)
        process.start()
        return process

    package = make_package(steps=25 * KILLS, every=5, dropout=0.1)
    seconds = train_in_peace(start, tmp_path / "whole")
    draw = random.Random(1)
    codes = [
        train_until_killed(start, tmp_path / "killed", draw.uniform(-0.2, 1.3) * seconds / KILLS)
        for _ in range(KILLS)
    ]
    assert codes.count(-signal.SIGKILL) > KILLS // 2
    assert list_checkpoints(tmp_path / "killed" / "checkpoints")[-1].step > 0
    train_in_peace(start, tmp_path / "killed")
    assert_same(tmp_path / "whole", tmp_path / "killed")


def train_in_peace(start: Start, run: Path) -> float:
    """Trains to the end -> seconds from the first figures on."""
    process = start(run)
    wait_for_figures(run, process)
    started = time.monotonic()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - started


def train_until_killed(start: Start, run: Path, delay: float) -> int | None:
    """Kills the training so many seconds after its first figures; at once if negative."""
    process = start(run)
    if delay > 0:
        wait_for_figures(run, process)
    process.join(max(delay, 0.05))
    process.kill()
    process.join()
    return process.exitcode


def wait_for_figures(run: Path, process: BaseProcess) -> None:
    """Until this process has written a line of metrics, or is done."""
    metrics = run / "metrics.jsonl"
    before = metrics.stat().st_mtime_ns if metrics.exists() else 0
    while process.is_alive() and (not metrics.exists() or metrics.stat().st_mtime_ns == before):
        time.sleep(0.005)
