"""A folder of an ablation as training leaves it; and a tiny ablation that really runs."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.ablation.expand import Expansion, expand
from runtime.ablation.queue import add_to_queue, owned_folder
from runtime.ablation.record import ROWS
from runtime.command.ablate import differences
from tests.support.ablations import Bench

ROOT = Path(__file__).parents[3]
SPEC = """\
name: tiny
model:
  d_model: 16
  vocabulary: {{size: 20}}
  dropout: 0.1
  attention: {{heads: 2}}
  feed_forward: {{d_ff: 32}}
  encoder: {{layers: 1}}
  decoder: {{layers: 1}}
data:
  folder: {text}
  tokenizer: {{kind: segmented}}
  max_length: 20
  train: {{source: train.source, target: train.target}}
  valid: {{source: valid.source, target: valid.target}}
  test: {{source: test.source, target: test.target}}
training:
  batch_tokens: 120
  steps: 30
  precision: float32
  schedule: {{warmup_steps: 10, peak: 0.01}}
  validation: {{every: 10}}
decoding: {{max_extra_length: 5}}
evaluation: {{average_last: 2}}
"""
FILE = """\
ablation: small
base: tiny.yaml
groups:
  A: {grid: {model.attention.heads: [1]}}
"""
HOT = "  X: {rows: [{name: hot, set: {training.schedule.peak: 1e30}}]}\n"

Command = Callable[..., subprocess.Popen[bytes]]
Enqueue = Callable[..., list[Path]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path / "table3")


@pytest.fixture
def spec(text: Path, tmp_path: Path) -> Path:
    """The base of the ablation."""
    path = tmp_path / "tiny.yaml"
    path.write_text(SPEC.format(text=text), encoding="utf-8")
    return path


@pytest.fixture
def file(spec: Path) -> Path:
    """An ablation of one row beside the base, with one seed."""
    path = spec.parent / "small.yaml"
    path.write_text(FILE, encoding="utf-8")
    return path


def wanted(file: Path, *settings: str) -> Expansion:
    """What the file would queue now."""
    return expand(file, settings)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the ablation is queued."""
    return tmp_path / "out"


@pytest.fixture
def enqueue(file: Path, out: Path) -> Enqueue:
    """enqueue("training.steps=20"): queues the file -> the folders of its rows, the base first."""

    def queue(*settings: str) -> list[Path]:
        with owned_folder(out):
            queued = add_to_queue(out, wanted(file, *settings), differences(expand(file, settings)))
        return [out / ROWS / each.name for each in queued.queued]

    return queue


@pytest.fixture
def ablate(file: Path, out: Path, tmp_path: Path) -> Command:
    """ablate("--jobs=1"): the command as a process of its own; `wait_for` says how it ended."""

    def start(*arguments: str, folder: Path = out) -> subprocess.Popen[bytes]:
        options = [f"--out={folder}", f"--cache={tmp_path / 'cache'}", *arguments]
        return subprocess.Popen(
            [sys.executable, "-m", "runtime", "ablate", str(file), *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return start


def wait_for(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """The exit code, and all that was said."""
    said, _ = process.communicate(timeout=3000)
    return process.returncode, said.decode()
