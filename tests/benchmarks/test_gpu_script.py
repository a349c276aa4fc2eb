"""`benchmarks/gpu.sh`: what it says, and a part that runs without a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu.sh"


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the script to its end, with this interpreter."""
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.quick
def test_every_part_is_explained() -> None:
    parts = run("list").stdout.split()
    explained = run().stdout
    assert parts == ["checks", "train-base", "train-big", "decode", "multi30k", "precision"]
    assert all(f"\n  {part} " in explained for part in parts)


@pytest.mark.quick
def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    done = run("no-such-part", OUT=str(tmp_path))
    assert done.returncode != 0
    assert "PART" in done.stdout
    assert run("--dry-run", "no-such-part", OUT=str(tmp_path)).returncode != 0


def test_checks_run_on_a_cpu(tmp_path: Path) -> None:
    done = run("--dry-run", "checks", OUT=str(tmp_path))
    assert done.returncode == 0, done.stderr
    _, *lines = done.stdout.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "pass: replayed = eager",
        "pass: packed = padded",
    ]


@pytest.mark.quick
def test_times_of_results() -> None:
    engine = {"name": "ours", "median": 1000.0}
    case = {"size": "base", "batch_tokens": 25000, "flops_a_token": 99e9, "engines": [engine]}
    assert gpu.training_times({"cases": [case]}).splitlines()[-1] == (
        "| base | specformer | 25,000.0 | 1,000 | 10.0% |"
    )
