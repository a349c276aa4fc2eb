"""Perplexities, bits a character, accuracy and F1 against their definitions."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.data.symbols import BEGIN, END
from runtime.run import Run
from runtime.scoring.classification import class_measures
from runtime.scoring.likelihood import measure_language_model, measure_masked_language_model
from runtime.training.train import Summary
from tests.runtime.tasks.conftest import MakeTask

pytestmark = pytest.mark.quick

Train = Callable[..., Summary]


def test_perplexities_are_those_of_the_text(
    tmp_path: Path, make_task: MakeTask, run_training: Train, text: Path
) -> None:
    run_training(make_task("language_model", "training.steps=10"), tmp_path / "run")
    with (text / "test.txt").open("a") as file:
        file.write("\n")
    run = Run.open(tmp_path / "run")
    measured = measure_language_model(run, "test", None, "cpu")
    lines = [line for line in (text / "test.txt").read_text().splitlines() if line]
    nats = sum(nats_of(run, line) for line in lines)
    words = sum(len(line.split()) for line in lines)
    found = {each.name: each.value for each in measured.measures}
    assert measured.texts == len(lines) == 9
    assert found["perplexity"] == pytest.approx(math.exp(nats / (words + 9)), rel=1e-4)
    assert found["word_perplexity"] == pytest.approx(found["perplexity"]), "tokens are words here"
    bits = nats / math.log(2) / sum(len(line) + 1 for line in lines)
    assert found["bits_per_character"] == pytest.approx(bits, rel=1e-4)
    assert measured.ordered[0].name == measured.headline == "perplexity"


@torch.no_grad()
def nats_of(run: Run, line: str) -> float:
    """Of one text alone."""
    tokens = run.tokenizers()[0].encode(line)
    model: Any = run.load_model()
    scores = model(torch.tensor([[BEGIN, *tokens]])).log_softmax(-1)[0]
    return -sum(scores[place, token].item() for place, token in enumerate([*tokens, END]))


@pytest.mark.parametrize("kind", ["padded", "buckets"])
def test_a_masked_model_is_scored_as_it_is_validated(
    tmp_path: Path,
    make_task: MakeTask,
    run_training: Train,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """A GPU has batches of few shapes there, too."""
    monkeypatch.setattr("runtime.training.batching.padded_kind", lambda _: kind)
    package = make_task("masked_language_model", "training.steps=10", "evaluation.average_last=1")
    summary = run_training(package, tmp_path / "run")
    measured = measure_masked_language_model(Run.open(tmp_path / "run"), "valid", None, "cpu")
    perplexity = {each.name: each.value for each in measured.measures}["perplexity"]
    assert summary.best_score is not None
    assert math.log(perplexity) == pytest.approx(summary.best_score, rel=1e-5)


def test_f1_is_a_mean_over_labels() -> None:
    answers = ["a", "a", "b", "b", "c", "a"]
    labels = ["a", "b", "b", "b", "a", "a"]
    accuracy, f1 = class_measures(answers, labels)
    assert accuracy.value == pytest.approx(4 / 6)
    assert accuracy.protocol == "4 of 6 texts"
    # a: 2 right of 3 said and 3 true; b: 2 right of 2 said and 3 true; c: said once, never true
    assert f1.value == pytest.approx((2 * 2 / 6 + 2 * 2 / 5 + 0) / 3)
