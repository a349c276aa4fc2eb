"""Two processes, as `torchrun` would start them, are one."""

import json
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from runtime.checkpoints.listing import list_checkpoints
from runtime.data.batches import Padded, in_order
from runtime.data.prepare import prepare
from runtime.package import load_package
from runtime.scoring.translations import greedy_bleu
from runtime.training.train import Summary

Make = Callable[..., Path]
Train = Callable[..., Summary]
StartTwo = Callable[..., list[BaseProcess]]

PROGRAM = """
import os
import sys
import time
from runtime.training.interruption import Interruption
from runtime.data import prepare
from runtime.package import load_package
from runtime.scoring.translations import greedy_bleu
from runtime.training import gradient_sharing, start_or_resume
from runtime.training.objective import LabelObjective
from runtime.training.train import train

gradient_sharing.BUCKET_BYTES = gradient_sharing.FIRST_BUCKET_BYTES = 4000
os.environ.update(environment)
figures = LabelObjective.figures

def slowly_computed(objective, rows, batch):
    with run.with_name("validated.txt").open("a") as file:
        file.write(".")
    time.sleep(seconds_a_batch)
    return figures(objective, rows, batch)

file_digests = prepare.file_digests

def counted_digests(spec):
    with run.with_name("read.txt").open("a") as file:
        file.write(environment["RANK"])
    return file_digests(spec)

prepare.file_digests = counted_digests
start_or_resume.file_digests = counted_digests
if seconds_a_batch:
    LabelObjective.figures = slowly_computed
score = greedy_bleu(load_package(package).spec)
with said.open("w") as file:
    try:
        train(
            package, run, cache=run.parent / "cache", resume=resume, score=score, report=file.write
        )
    except Interruption as interruption:
        sys.exit(interruption.exit_code)
"""


@pytest.fixture
def start_two(start_pair: StartTwo) -> StartTwo:
    """start_two(package, run, resume=False): both, with the environment of `torchrun`.

    A batch of validation lasts `seconds_a_batch`.
    """

    def start(
        package: Path, run: Path, *, resume: bool = False, seconds_a_batch: float = 0.0
    ) -> list[BaseProcess]:
        return start_pair(PROGRAM, package, run, resume=resume, seconds_a_batch=seconds_a_batch)

    return start


def exit_codes(both: list[BaseProcess]) -> list[int | None]:
    for process in both:
        process.join(60)
    return [process.exitcode for process in both]


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"step-{step:08}" / "model.safetensors")


def figures(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_two_processes_are_one(
    accumulate: int, tmp_path: Path, make_package: Make, run_training: Train, start_two: StartTwo
) -> None:
    """Batches are so small that the second process often has no row, and there are many buckets."""
    package = make_package(
        dropout=0.0, batch_tokens=20 * accumulate, accumulate=accumulate, steps=12, clip_norm=1.0
    )
    run_training(package, tmp_path / "one")
    assert exit_codes(start_two(package, tmp_path / "two")) == [0, 0]
    torch.testing.assert_close(
        weights(tmp_path / "two", 12), weights(tmp_path / "one", 12), rtol=0.0, atol=1e-5
    )
    one, two = figures(tmp_path / "one"), figures(tmp_path / "two")
    assert [line["step"] for line in two] == [line["step"] for line in one]
    for name in ("loss", "nll"):
        assert [line[name] for line in two] == pytest.approx([line[name] for line in one], rel=1e-5)
    said = (tmp_path / "two-0.txt").read_text()
    assert "on 2 x cpu (`batch_tokens` counts the tokens of all of them), float32" in said
    assert (tmp_path / "two-1.txt").read_text() == ""
    assert (tmp_path / "read.txt").read_text() == "0", "the first process reads all text for both"


@pytest.mark.quick
def test_two_processes_pause_together_and_go_on_to_the_bit(
    tmp_path: Path,
    make_package: Make,
    start_two: StartTwo,
    assert_same: Callable[[Path, Path], None],
) -> None:
    """A signal to one of them stops both, and each goes on with its own dropout."""
    package = make_package(dropout=0.1, steps=300, every=50)
    assert exit_codes(start_two(package, tmp_path / "whole")) == [0, 0]
    both = start_two(package, tmp_path / "paused")
    metrics = tmp_path / "paused" / "metrics.jsonl"
    while both[1].is_alive() and (not metrics.exists() or metrics.stat().st_size == 0):
        time.sleep(0.01)
    both[1].terminate()
    assert exit_codes(both) == [143, 143]
    assert exit_codes(start_two(package, tmp_path / "paused", resume=True)) == [0, 0]
    assert_same(tmp_path / "whole", tmp_path / "paused")


@pytest.mark.quick
def test_a_signal_to_one_process_ends_the_validation_of_both(
    tmp_path: Path,
    make_package: Make,
    start_two: StartTwo,
    assert_same: Callable[[Path, Path], None],
) -> None:
    """What was done of it is lost, and it is repeated when the run goes on."""
    package = make_package(dropout=0.1, steps=20, every=10, batch_tokens=20)
    assert exit_codes(start_two(package, tmp_path / "whole")) == [0, 0]
    both = start_two(package, tmp_path / "paused", seconds_a_batch=1.0)
    validated = tmp_path / "validated.txt"
    while both[1].is_alive() and not validated.exists():
        time.sleep(0.01)
    both[1].terminate()
    assert exit_codes(both) == [143, 143]
    prepared = prepare(load_package(package).spec, tmp_path / "cache", report=lambda _: None)
    assert len(in_order(prepared.valid, Padded(tokens=20))) == 5
    assert validated.stat().st_size < 4
    saved = list_checkpoints(tmp_path / "paused" / "checkpoints")
    assert [each.folder.name for each in saved] == ["interim-00000010"]
    assert exit_codes(start_two(package, tmp_path / "paused", resume=True)) == [0, 0]
    assert_same(tmp_path / "whole", tmp_path / "paused")


def test_two_processes_share_the_translations_of_a_validation(
    tmp_path: Path, make_package: Make, run_training: Train, start_two: StartTwo
) -> None:
    package = make_package(dropout=0.0, steps=200, every=100, bleu=True)
    run_training(package, tmp_path / "one", score=greedy_bleu(load_package(package).spec))
    assert exit_codes(start_two(package, tmp_path / "two")) == [0, 0]
    one, two = ([line.get("bleu") for line in figures(tmp_path / name)] for name in ("one", "two"))
    assert two == one
    assert any(one), "the network has learned to translate something"
