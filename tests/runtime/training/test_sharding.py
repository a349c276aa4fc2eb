"""Weights in shares: two processes that keep a half each do what one with all of them does."""

import json
import pickle
import re
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from runtime.checkpoints.checkpoint import SHARES, RefusedCheckpoint
from runtime.checkpoints.sharded import read_shares
from runtime.errors import UserError
from runtime.run import Run
from runtime.training.train import Summary
from tests.runtime.training.test_workers import exit_codes

Make = Callable[..., Path]
Train = Callable[..., Summary]
StartTwo = Callable[..., list[BaseProcess]]

PROGRAM = """
import os
import sys
from runtime.training.interruption import Interruption
from runtime.training.train import train

os.environ.update(environment)
with said.open("w") as file:
    try:
        train(package, run, cache=run.parent / "cache", is_sharded=True, report=file.write, **given)
    except Interruption as interruption:
        sys.exit(interruption.exit_code)
"""


def score(model: torch.nn.Module, *_: object) -> float:
    """Stand for the BLEU of a network: a function of all of its weights."""
    assert not any(hasattr(each, "to_local") for each in model.parameters())
    return sum(float(each.abs().sum()) for each in model.parameters())


@pytest.fixture
def start_two(start_pair: StartTwo) -> StartTwo:
    """start_two(package, run, resume=True): both, with the environment of `torchrun`."""

    def start(package: Path, run: Path, **given: Any) -> list[BaseProcess]:
        return start_pair(PROGRAM, package, run, given=given)

    return start


def figures(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    return load_file(run / "checkpoints" / f"step-{step:08}" / "model.safetensors")


def assert_same_training(run: Path, expected: Path, step: int) -> None:
    """Within 1e-5: losses, scores and norms of all lines, and the weights at the end."""
    one, other = figures(run), figures(expected)
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for name in ("loss", "nll", "gradient_norm", "bleu"):
        values = [[line.get(name, 0.0) for line in lines] for lines in (one, other)]
        assert values[0] == pytest.approx(values[1], rel=1e-5)
    torch.testing.assert_close(weights(run, step), weights(expected, step), rtol=0.0, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"accumulate": 2, "clip_norm": 1.0, "optimizer": {"kind": "sgd", "momentum": 0.9}},
        {"optimizer": {"kind": "lion", "weight_decay": 0.1}},
        {
            "optimizer": {"kind": "schedule_free"},
            "schedule": {"kind": "constant", "warmup_steps": 10, "peak": 0.01},
        },
        {"ema": {"decay": 0.9}, "bleu": True, "recompute": "layer"},
        {"batching": "packed", "recompute": "layer"},
    ],
    ids=["accumulated", "lion", "schedule-free", "averaged", "packed"],
)
def test_shares_are_the_whole(
    settings: dict[str, Any],
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    start_two: StartTwo,
) -> None:
    """Batches are so small that the second process often has no row."""
    package = make_package(dropout=0.0, batch_tokens=40, steps=12, every=6, **settings)
    given = {"score": score} if "bleu" in settings else {}
    run_training(package, tmp_path / "one", **given)
    assert exit_codes(start_two(package, tmp_path / "two", **given)) == [0, 0]
    assert_same_training(tmp_path / "two", tmp_path / "one", 12)
    said = (tmp_path / "two-0.txt").read_text()
    assert "in shares" in said
    assert ("packed" in said) == ("batching" in settings)
    model = Run.open(tmp_path / "two").load_model()
    expected = Run.open(tmp_path / "one").load_model()
    torch.testing.assert_close(
        dict(model.state_dict()), dict(expected.state_dict()), atol=1e-5, rtol=0
    )


def test_a_pause_changes_nothing_with_other_processes_too(
    tmp_path: Path, make_package: Make, run_training: Train, start_two: StartTwo, said: list[str]
) -> None:
    """A signal to one of two stops both; then one goes on, with shares, and then without."""
    package = make_package(dropout=0.0, steps=120, every=20, ema={"decay": 0.9})
    run_training(package, tmp_path / "one")
    run = tmp_path / "two"
    both = start_two(package, run)
    while both[1].is_alive() and (not (run / "metrics.jsonl").exists() or not figures(run)):
        time.sleep(0.01)
    both[1].terminate()
    assert exit_codes(both) == [143, 143]
    (interim,) = (run / "checkpoints").glob("interim-*")
    assert {each.name for each in (interim / "trainer").iterdir()} >= {".metadata", "__0_0.distcp"}
    step = int(interim.name.partition("-")[2])
    set_steps(package, min(step // 20 * 20 + 40, 120))
    run_training(package, run, resume=True, is_sharded=True)
    assert "FSDP2 with one process, which keeps all weights" in "".join(said)
    set_steps(package, 120)
    run_training(package, run, resume=True)
    assert_same_training(run, tmp_path / "one", 120)


def set_steps(package: Path, steps: int) -> None:
    """Let the training of a package end after an update."""
    lock = package / "spec.lock.yaml"
    lock.write_text(re.sub(r"(?m)^  steps: \d+$", f"  steps: {steps}", lock.read_text()))


def test_a_killed_run_goes_on_after_its_last_checkpoint(
    tmp_path: Path, make_package: Make, run_training: Train, start_two: StartTwo
) -> None:
    """Two processes die without a word, perhaps while they write; two others go on."""
    package = make_package(dropout=0.0, steps=60, every=10)
    run_training(package, tmp_path / "one")
    run = tmp_path / "two"
    both = start_two(package, run)
    while all(each.is_alive() for each in both) and not list(run.glob("checkpoints/step-*20")):
        time.sleep(0.01)
    for each in both:
        each.kill()
    assert exit_codes(both) == [-9, -9]
    assert exit_codes(start_two(package, run, resume=True)) == [0, 0]
    assert "continuing after update" in (tmp_path / "two-0.txt").read_text()
    assert_same_training(run, tmp_path / "one", 60)


def test_a_run_begun_whole_goes_on_in_shares(
    tmp_path: Path, make_package: Make, run_training: Train, start_two: StartTwo
) -> None:
    package = make_package(dropout=0.0, steps=40)
    run_training(package, tmp_path / "one")
    set_steps(package, 20)
    run_training(package, tmp_path / "two")
    set_steps(package, 40)
    assert exit_codes(start_two(package, tmp_path / "two", resume=True)) == [0, 0]
    assert_same_training(tmp_path / "two", tmp_path / "one", 40)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": {"kind": "adafactor"}}, "whole matrices"),
        ({"optimizer": {"kind": "muon"}}, "whole matrices"),
        ({"compile": True}, "not compiled"),
    ],
)
def test_what_shares_cannot_do_is_refused(
    settings: dict[str, Any], words: str, tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    with pytest.raises(UserError, match=words):
        run_training(make_package(**settings), tmp_path / "run", is_sharded=True)
    assert not (tmp_path / "run").exists()


class Attack:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.quick
def test_an_index_that_would_run_code_is_refused(tmp_path: Path) -> None:
    """The index of a stranger's run may hold other code; a damaged index is refused, too."""
    (tmp_path / SHARES).mkdir()
    index = tmp_path / SHARES / ".metadata"
    for content in (pickle.dumps(Attack(tmp_path / "made")), b"no pickle", b""):
        index.write_bytes(content)
        with pytest.raises(RefusedCheckpoint, match="no index of tensors"):
            read_shares(tmp_path, lambda _, size, dtype: torch.empty(size, dtype=dtype))
    assert not (tmp_path / "made").exists()
