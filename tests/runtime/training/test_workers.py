"""Two processes, as `torchrun` would start them, are one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from runtime.training.train import Summary

Make = Callable[..., Path]
Train = Callable[..., Summary]

PROGRAM = """
import sys
from pathlib import Path
from runtime.training.interruption import Interruption
from runtime.training.train import train

package, run, cache, resume = sys.argv[1:]
try:
    train(Path(package), Path(run), cache=Path(cache), resume=bool(resume))
except Interruption as interruption:
    sys.exit(interruption.exit_code)
"""


def start_two(package: Path, run: Path, *, resume: bool = False) -> list[subprocess.Popen[str]]:
    """Both processes, with the environment that `torchrun` gives them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    arguments = [str(package), str(run), str(run.parent / "cache"), "yes" if resume else ""]
    return [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=os.environ | shared | {"RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]


def finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """What each printed -> after both ended well."""
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], printed
    return printed


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"step-{step:08}" / "model.safetensors")


def test_two_processes_are_one(tmp_path: Path, make_package: Make, run_training: Train) -> None:
    """Batches so small that the second process often has no row."""
    package = make_package(dropout=0.0, batch_tokens=40, accumulate=2, steps=12, clip_norm=1.0)
    run_training(package, tmp_path / "one")
    printed = finish(start_two(package, tmp_path / "two"))
    torch.testing.assert_close(
        weights(tmp_path / "two", 12), weights(tmp_path / "one", 12), rtol=0.0, atol=1e-5
    )
    one, two = (figures(tmp_path / run) for run in ("one", "two"))
    assert [line["step"] for line in two] == [line["step"] for line in one]
    for name in ("loss", "nll"):
        assert [line[name] for line in two] == pytest.approx([line[name] for line in one], rel=1e-5)
    assert "on 2 x cpu" in printed[0]
    assert printed[1] == ""


def figures(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_two_processes_pause_together_and_go_on_to_the_bit(
    tmp_path: Path, make_package: Make, assert_same: Callable[[Path, Path], None]
) -> None:
    """A signal to one of them stops both, and each goes on with its own dropout."""
    package = make_package(dropout=0.1, steps=150, every=50)
    finish(start_two(package, tmp_path / "whole"))
    processes = start_two(package, tmp_path / "paused")
    metrics = tmp_path / "paused" / "metrics.jsonl"
    while not metrics.exists() or metrics.stat().st_size == 0:
        time.sleep(0.01)
    processes[1].send_signal(signal.SIGTERM)
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], printed
    finish(start_two(package, tmp_path / "paused", resume=True))
    assert_same(tmp_path / "whole", tmp_path / "paused")
