"""The promises of training, for each task that reads one text."""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runtime.data.prepare import prepare
from runtime.data.sentences import Indices
from runtime.package import load_package
from runtime.training.interruption import Interruption
from runtime.training.train import Summary
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers
from tests.runtime.tasks.conftest import TASKS, WORDS, MakeTask, write

Train = Callable[..., Summary]
Interrupt = Callable[..., AbstractContextManager[None]]
ALL = np.arange(40)


def figures(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


def test_one_batch_of_masked_texts_is_learned_by_heart(tmp_path: Path, make_task: MakeTask) -> None:
    """One batch, in which the same tokens are masked every time."""
    package = load_package(make_task("masked_language_model", "model.dropout=0.0"))
    examples = prepare(package.spec, tmp_path / "cache", report=lambda _: None).valid
    rows = np.arange(len(examples))
    state = TrainState(package, torch.device("cpu"), Workers())
    losses = [state.update(examples, [rows], 0.01)[1].item() for _ in range(200)]
    assert losses[0] / examples.count_labels(rows) > 2.5
    assert losses[-1] / examples.count_labels(rows) < 0.1


@pytest.mark.quick
@pytest.mark.parametrize("task", ["language_model", "classification"])
def test_one_batch_is_learned_by_heart(
    task: str, tmp_path: Path, make_task: MakeTask, run_training: Train, text: Path
) -> None:
    for part in ("train", "valid"):
        write(text, part, [" ".join(WORDS), " ".join(WORDS[1::2]), "w03 w02 w01"])
    package = make_task(
        task, "model.dropout=0.0", "training.steps=300", "training.validation.every=100"
    )
    run_training(package, tmp_path / "run")
    first, last = (figures(tmp_path / "run", "valid")[number] for number in (0, -1))
    assert figures(tmp_path / "run", "train")[0]["nll"] > 0.6
    assert last["nll"] < 0.25, "the first words of three texts cannot be foretold"
    assert last["nll"] <= first["nll"]
    assert last["accuracy"] > 0.85


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("step", [7, 10])
def test_a_run_that_pauses_ends_as_one_that_does_not(
    task: str,
    step: int,
    tmp_path: Path,
    make_task: MakeTask,
    run_training: Train,
    interrupt: Interrupt,
    assert_same: Callable[[Path, Path], None],
) -> None:
    package = make_task(task, "training.accumulate=2")
    run_training(package, tmp_path / "whole")
    with interrupt(step), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


@pytest.mark.parametrize("task", [each for each in TASKS if each != "embedding"])
@pytest.mark.parametrize("parts", [2, 7, 40])
def test_micro_batches_are_one_batch(
    task: str, parts: int, tmp_path: Path, make_task: MakeTask
) -> None:
    package = load_package(make_task(task, "model.dropout=0.0"))
    examples = prepare(package.spec, tmp_path / "cache", report=lambda _: None).train.drawn(1, 3)

    def gradients(batches: Sequence[Indices]) -> tuple[torch.Tensor, torch.Tensor]:
        state = TrainState(package, torch.device("cpu"), Workers())
        sums = state.update.add_gradients(examples, batches)
        found = [p.grad.flatten() for p in state.model.parameters() if p.grad is not None]
        return sums, torch.cat(found)

    whole, pieces = gradients([ALL]), gradients(np.array_split(ALL, parts))
    torch.testing.assert_close(pieces[0], whole[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(pieces[1], whole[1], rtol=1e-5, atol=1e-6)


@pytest.mark.quick
def test_the_best_by_accuracy(tmp_path: Path, make_task: MakeTask, run_training: Train) -> None:
    package = make_task(
        "classification",
        *("training.validation.metric=accuracy", "training.validation.every=5"),
    )
    summary = run_training(package, tmp_path / "run")
    looks = figures(tmp_path / "run", "valid")
    best = max(looks, key=lambda look: look["accuracy"])
    assert (summary.best_step, summary.best_score) == (best["step"], best["accuracy"])


@pytest.mark.quick
def test_a_run_goes_on_with_other_masks(
    tmp_path: Path, make_task: MakeTask, run_training: Train
) -> None:
    """What is masked belongs to the recipe, not to the prepared text."""
    short = make_task("masked_language_model", "training.steps=20", name="short")
    run_training(short, tmp_path / "run")
    settings = ("training.steps=40", "training.masking.share=0.9")
    long = make_task("masked_language_model", *settings, name="long")
    run_training(long, tmp_path / "run", resume=True)
    losses = [line["loss"] for line in figures(tmp_path / "run", "train")]
    run_training(make_task("masked_language_model", "training.steps=40"), tmp_path / "whole")
    assert losses[:3] == [line["loss"] for line in figures(tmp_path / "whole", "train")][:3]
    assert losses[3:] != [line["loss"] for line in figures(tmp_path / "whole", "train")][3:]


@pytest.mark.quick
def test_what_is_trained_is_named(
    tmp_path: Path, make_task: MakeTask, run_training: Train, said: list[str]
) -> None:
    run_training(make_task("language_model", "training.steps=10"), tmp_path / "run")
    assert any("61 training texts, 12 validation texts" in line for line in said)
