"""An embedding model: its loss, its scores and its vectors, against plain ways to get them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from runtime.data.prepare import prepare
from runtime.data.symbols import BEGIN, END
from runtime.inference.embedder import Embedder
from runtime.inference.load import load_predictor
from runtime.package import Package, load_package
from runtime.run import Run
from runtime.scoring.evaluate import evaluate_run
from runtime.training.retrieval import Retrieval
from runtime.training.train import Summary
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers
from tests.runtime.tasks.conftest import WORDS, MakeTask

Train = Callable[..., Summary]
PLAIN = "model.dropout=0.0"


def tokens_of(tokenizer: object, lines: list[str]) -> torch.Tensor:
    rows = [[BEGIN, *tokens, END] for tokens in tokenizer.encode_lines(lines)]  # type: ignore[attr-defined]
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])


def by_hand(model: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Mean pooling and normalisation over the states of the encoder, text by text."""
    vectors = []
    for row in tokens:
        own = row[row != 0][None]
        vector = model.encode(own)[0].mean(0)  # type: ignore[operator]
        vectors.append(vector / vector.norm())
    return torch.stack(vectors)


def loss_by_hand(
    sources: torch.Tensor, targets: torch.Tensor, pairs: list[tuple[str, str]], heat: float
) -> float:
    """The cross-entropy of each source over its target and those of pairs that share no text."""
    total = 0.0
    for row, own in enumerate(pairs):
        scores = [sources[row] @ targets[row] / heat]
        scores += [
            sources[row] @ targets[other] / heat
            for other, pair in enumerate(pairs)
            if other != row and not {*own} & {*pair}
        ]
        total -= torch.stack(scores).log_softmax(0)[0].item()
    return total


@pytest.fixture
def pairs(text: Path) -> list[tuple[str, str]]:
    """Twelve pairs to validate with, some of which share a text."""
    first = [f"{one} {other}" for one, other in zip(WORDS[:12], WORDS[4:], strict=True)]
    second = [" ".join(each.split()[::-1]) for each in first]
    first[3] = first[5]  # a source with two targets
    second[7] = second[8]  # a target of two sources
    first[10] = second[0]  # a text on both sides
    for end, side in (("txt", first), ("back", second)):
        (text / f"valid.{end}").write_text("".join(f"{line}\n" for line in side))
    return list(zip(first, second, strict=True))


def state_of(package: Package) -> TrainState:
    return TrainState(package, torch.device("cpu"), Workers())


@pytest.mark.quick
@pytest.mark.parametrize("symmetric", [False, True])
def test_the_loss_is_that_of_pairs_told_apart(
    symmetric: bool, tmp_path: Path, make_task: MakeTask, pairs: list[tuple[str, str]]
) -> None:
    contrast = (f"training.contrast.symmetric={symmetric}", "training.contrast.temperature=0.2")
    package = load_package(make_task("embedding", PLAIN, *contrast))
    prepared = prepare(package.spec, tmp_path / "cache", report=lambda _: None)
    state = state_of(package)
    batch = prepared.valid.collate(np.arange(len(pairs)))
    with torch.no_grad():
        model = state.model.eval()
        sides = [
            by_hand(model, tokens_of(prepared.source, [*side])) for side in zip(*pairs, strict=True)
        ]
    expected = loss_by_hand(*sides, pairs, 0.2)
    if symmetric:
        turned = [(target, source) for source, target in pairs]
        expected = (expected + loss_by_hand(*sides[::-1], turned, 0.2)) / 2
    found = state.validation_objective.evaluate(batch)
    assert found[0].item() == pytest.approx(expected, rel=1e-4)
    assert found[1] == found[0]


@pytest.mark.quick
def test_gradients_are_those_of_the_loss(
    tmp_path: Path, make_task: MakeTask, pairs: list[tuple[str, str]]
) -> None:
    """One pass over both sides has the gradient of two passes."""
    package = load_package(make_task("embedding", PLAIN))
    prepared = prepare(package.spec, tmp_path / "cache", report=lambda _: None)
    state, rows = state_of(package), np.arange(len(pairs))
    batch = prepared.valid.collate(rows)
    state.update.objective.add_gradients(batch, 0.5)
    got = [each.grad.clone() for each in state.model.parameters() if each.grad is not None]
    state.model.zero_grad()
    module = package.training_module
    sides = [state.model.features(torch.from_numpy(each)) for each in batch.inputs]
    logits = module.scores(*sides, torch.from_numpy(batch.labels))  # type: ignore[attr-defined]
    (0.5 * module.loss(logits, torch.arange(len(pairs)))[0]).backward()
    expected = [each.grad for each in state.model.parameters() if each.grad is not None]
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.quick
def test_wrong_answers_are_those_of_the_micro_batch(
    tmp_path: Path, make_task: MakeTask, pairs: list[tuple[str, str]]
) -> None:
    """Two micro-batches have the loss and the gradient of two batches, not of one."""
    package = load_package(make_task("embedding", PLAIN))
    examples = prepare(package.spec, tmp_path / "cache", report=lambda _: None).valid
    state, halves = state_of(package), np.array_split(np.arange(len(pairs)), 2)
    sums = state.update.add_gradients(examples, halves)
    apart = [state.validation_objective.evaluate(examples.collate(rows)) for rows in halves]
    torch.testing.assert_close(sums[0], sum(each[0] for each in apart))
    whole = state.validation_objective.evaluate(examples.collate(np.arange(len(pairs))))
    assert sums[0] < whole[0]


@pytest.mark.quick
def test_one_batch_of_pairs_is_learned_by_heart(
    tmp_path: Path, make_task: MakeTask, pairs: list[tuple[str, str]]
) -> None:
    package = load_package(make_task("embedding", PLAIN))
    examples = prepare(package.spec, tmp_path / "cache", report=lambda _: None).valid
    state, rows = state_of(package), np.arange(len(pairs))
    losses = [state.update(examples, [rows], 0.01)[1].item() for _ in range(150)]
    assert losses[0] / len(pairs) > 0.5
    assert losses[-1] / len(pairs) < 0.05


def ranks_by_hand(
    sources: torch.Tensor, targets: torch.Tensor, pairs: list[tuple[str, str]]
) -> list[int]:
    """Return the rank of each target: one more than the wrong answers that are at least as near."""
    vectors = {pair[1]: vector for pair, vector in zip(pairs, targets, strict=True)}
    ranks = []
    for (source, target), vector in zip(pairs, sources, strict=True):
        others = {t for s, t in pairs if s == source} | {source}
        near = F.cosine_similarity(vector, vectors[target], dim=0)
        wrong = [each for text, each in vectors.items() if text not in others | {target}]
        ranks.append(1 + sum(bool(F.cosine_similarity(vector, w, dim=0) >= near) for w in wrong))
    return ranks


@pytest.mark.quick
def test_ranks_are_counted_among_different_targets(pairs: list[tuple[str, str]]) -> None:
    torch.manual_seed(1)
    known = {text: torch.randn(4) for pair in pairs for text in pair}
    sides = [torch.stack([known[text] for text in side]) for side in zip(*pairs, strict=True)]
    retrieval = Retrieval.of_texts(*map(list, zip(*pairs, strict=True)))
    assert len(retrieval.candidates) == len({target for _, target in pairs}) == len(pairs) - 1
    assert retrieval.ranks(*sides).tolist() == ranks_by_hand(*sides, pairs)


@pytest.mark.quick
def test_a_network_that_tells_nothing_apart_finds_nothing(pairs: list[tuple[str, str]]) -> None:
    alike = torch.ones(len(pairs), 4)
    ranks = Retrieval.of_texts(*map(list, zip(*pairs, strict=True))).ranks(alike, alike)
    assert ranks.min() > 5


@pytest.fixture
def trained(
    tmp_path: Path, make_task: MakeTask, run_training: Train, pairs: list[tuple[str, str]]
) -> SimpleNamespace:
    run_training(make_task("embedding", "training.steps=40"), tmp_path / "run")
    run = Run.open(tmp_path / "run", "last")
    return SimpleNamespace(folder=tmp_path / "run", run=run, pairs=pairs)


@pytest.mark.quick
def test_scores_are_those_of_the_whole_text(trained: SimpleNamespace) -> None:
    """Validation has the accuracy of the whole text, too."""
    found = evaluate_run(trained.run, "valid", average=1, device="cpu")
    embedder = load_predictor(trained.run, average=1, device="cpu")
    assert isinstance(embedder, Embedder)
    sides = [torch.from_numpy(embedder.embed([*side])) for side in zip(*trained.pairs, strict=True)]
    ranks = ranks_by_hand(*sides, trained.pairs)
    values = {each.name: each.value for each in found.measures}  # type: ignore[union-attr]
    assert values["accuracy"] == ranks.count(1) / len(ranks)
    assert values["mrr"] == pytest.approx(sum(1 / rank for rank in ranks) / len(ranks))
    assert "11 different targets" in found.measures[0].protocol  # type: ignore[union-attr]
    lines = map(json.loads, (trained.folder / "metrics.jsonl").read_text().splitlines())
    *_, last = (line for line in lines if line["kind"] == "valid")
    assert last["accuracy"] == pytest.approx(values["accuracy"])


@pytest.mark.quick
def test_vectors_are_those_of_pooling_by_hand(trained: SimpleNamespace) -> None:
    embedder = load_predictor(trained.run, device="cpu")
    assert isinstance(embedder, Embedder)
    lines = ["w03", "w01 w02 w03 w04", "", "w05 w05"]
    said: list[str] = []
    got = embedder.embed([*lines, " ".join(WORDS * 2)], report=said.append)
    with torch.no_grad():
        model = trained.run.load_model()
        expected = by_hand(model, tokens_of(embedder.tokenizer, lines))
    torch.testing.assert_close(torch.from_numpy(got[:4]), expected, rtol=1e-4, atol=1e-5)
    assert said == ["line 5: cut from 32 tokens to the first 18"]
    np.testing.assert_allclose(embedder.embed("w03"), got[0], rtol=1e-4, atol=1e-5)
