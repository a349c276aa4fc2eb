"""The fast helpers of generated code against the plain forms that they stand for."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

RATE, SMOOTHING = 0.3, 0.1


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """A package that has every helper: attention dropout brings them all."""
    folder = tmp_path_factory.mktemp("helpers")
    files = {"source": "a", "target": "b"}
    tree: dict[str, Any] = {
        "name": "helpers",
        "model": {
            "d_model": 8,
            "vocabulary": {"size": 30},
            "dropout": RATE,
            "attention": {"heads": 2, "dropout": RATE},
            "feed_forward": {"d_ff": 8},
            "encoder": {"layers": 1},
            "decoder": {"layers": 1},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000, "label_smoothing": SMOOTHING},
    }
    package = import_package(compile_tree(tree, folder), folder)
    importlib.import_module(f"{package.__name__}.training")
    return package


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, requires_grad=True)


@pytest.mark.parametrize("rate", [0.5, 0.3, 0.1, 1 / 256])
def test_dropout_zeroes_its_share_and_keeps_the_mean(package: ModuleType, rate: float) -> None:
    count = 1_000_003  # no multiple of the eight decisions that a draw makes
    zeroed = round(rate * 256) / 256
    dropped = package.model.dropout(torch.ones(count), rate, True)
    share = (dropped == 0).double().mean().item()
    deviation = (zeroed * (1 - zeroed) / count) ** 0.5
    assert abs(share - zeroed) < 5 * deviation
    torch.testing.assert_close(dropped[dropped != 0].unique(), torch.tensor([1 / (1 - zeroed)]))


def test_each_decision_of_a_draw_is_fair_and_on_its_own(package: ModuleType) -> None:
    kept = package.model.dropout(torch.ones(200_000, 8), 0.5, True) != 0
    correlation = torch.corrcoef(kept.T.double())
    assert (kept.double().mean(0) - 0.5).abs().max() < 0.006
    assert (correlation - torch.eye(8)).abs().max() < 0.012


def test_the_gradient_passes_where_the_number_passed(package: ModuleType) -> None:
    x = normal(7, 5, 3)
    dropped = package.model.dropout(x, RATE, True)
    dropped.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x, dropped)


def test_extreme_rates_are_rounded_to_what_can_be_done(package: ModuleType) -> None:
    ones = torch.ones(100_000)
    assert 0 < (package.model.dropout(ones, 1e-6, True) == 0).sum() < 600
    assert 0 < (package.model.dropout(ones, 0.9999, True) != 0).sum() < 600


@pytest.mark.parametrize(("rate", "training"), [(RATE, False), (0.0, True)])
def test_nothing_is_dropped_without_rate_or_training(
    package: ModuleType, rate: float, training: bool
) -> None:
    x = normal(100_000)
    assert package.model.dropout(x, rate, training).equal(x)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_with_dropout_is_torchs_when_nothing_is_dropped(
    package: ModuleType, causal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, key, value = normal(3, 2, 5, 4), normal(3, 2, 5, 4), normal(3, 2, 5, 6)
    mask = None if causal else torch.tensor([5, 3, 1]).view(3, 1, 1, 1) > torch.arange(5)
    monkeypatch.setattr(package.model, "dropout", lambda x, rate, training: x)  # noqa: ARG005
    got = package.model.attention(
        query, key, value, mask, rate=RATE, training=True, is_causal=causal
    )
    expected = F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal)
    torch.testing.assert_close(got, expected)


def test_attention_drops_weights_in_training_alone(package: ModuleType) -> None:
    query, key, value = normal(3, 2, 5, 4), normal(3, 2, 5, 4), torch.ones(3, 2, 5, 6)
    trained = package.model.attention(query, key, value, rate=RATE, training=True)
    tested = package.model.attention(query, key, value, rate=RATE, training=False)
    torch.testing.assert_close(tested, torch.ones_like(tested))
    assert trained.unique().numel() > 10
    assert trained[..., 0].equal(trained[..., -1])  # one decision for a weight, not for a number


def plain_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    smoothed = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING, reduction="sum")
    return smoothed, F.cross_entropy(logits, labels, reduction="sum")


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_smoothed_loss_and_its_gradient_are_torchs(package: ModuleType, scale: float) -> None:
    labels = torch.randint(30, (40,))
    ours, theirs = (
        (torch.randn(40, 30, dtype=torch.float32) * scale).requires_grad_() for _ in range(2)
    )
    theirs.data.copy_(ours.data)
    got, expected = package.training.loss(ours, labels), plain_loss(theirs, labels)
    torch.testing.assert_close(got, expected)
    (got[0] * 0.7).backward()
    (expected[0] * 0.7).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert not got[1].requires_grad


def test_local_attentions_of_one_model_may_differ(tmp_path: Path) -> None:
    """One drops weights, the other groups heads and scales scores: one helper serves both."""
    files = {"text": "a"}
    mask = "causal & window(2)"
    kinds: list[dict[str, Any]] = [
        {"self_attention": {"dropout": RATE, "mask": mask}},
        {"self_attention": {"kv_heads": 1, "scale": 0.7, "mask": mask}},
    ]
    tree: dict[str, Any] = {
        "name": "kinds",
        "task": "language_model",
        "model": {
            "d_model": 8,
            "vocabulary": {"size": 30},
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 8},
            "decoder": {"layers": kinds},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }
    model = import_package(compile_tree(tree, tmp_path), tmp_path).Model()
    text = torch.randint(4, 30, (2, 21))
    whole, part = model.eval()(text), model(text[:, :3])
    torch.testing.assert_close(whole[:, :3], part)
    model.train()(text).sum().backward()
