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
    for words in (["no-such-part"], ["--dry-run", "no-such-part"], ["--no-such-option"]):
        done = run(*words, OUT=str(tmp_path / "out"))
        assert (done.returncode, done.stderr.splitlines()) == (
            2,
            [
                f"error: there is no part '{words[-1]}'",
                "help: the parts: checks train-base train-big decode multi30k precision",
            ],
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["multi30k"], "multi30k: expected the number of a seed, got ''"),
        (["multi30k", "1"], "multi30k: expected the folder of the segmented Multi30k, got ''"),
        (
            ["precision", "no/where"],
            "precision: expected the folder of the segmented Multi30k, got",
        ),
    ],
)
def test_what_a_part_lacks_is_named(tmp_path: Path, words: list[str], message: str) -> None:
    done = run(*words, OUT=str(tmp_path))
    assert done.returncode == 2
    error, help = done.stderr.splitlines()
    assert error.startswith(f"error: {message}")
    assert help.startswith(f"help: benchmarks/gpu.sh {words[0]} ")


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
