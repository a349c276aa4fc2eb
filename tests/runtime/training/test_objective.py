"""The loss in chunks and without padding against the plain loss of the whole batch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.data.symbols import PADDING
from runtime.package import load_package
from runtime.training import output_layer
from runtime.training.objective import Objective, training_objective
from tests.support.batches import PaddedPairs

pytestmark = pytest.mark.quick

Make = Callable[..., Path]


@pytest.fixture
def pairs() -> PaddedPairs:
    """Five pairs, of 1 to 9 target tokens."""
    torch.manual_seed(3)
    target = torch.randint(4, 12, (5, 9))
    for row, length in enumerate((9, 1, 4, 7, 2)):
        target[row, length:] = PADDING
    return PaddedPairs(
        source=torch.randint(4, 12, (5, 6)),
        decoder_input=torch.where(target == PADDING, PADDING, 2),
        decoder_target=target,
    )


@pytest.fixture
def own(make_package: Make) -> Objective:
    package = load_package(make_package(dropout=0.0))
    torch.manual_seed(4)
    model = package.model_class()
    device = torch.device("cpu")
    return training_objective(model, package.training_module, package.spec.training, device)


def network(own: Objective) -> torch.nn.Module:
    module = getattr(own.features, "__self__", None)
    assert isinstance(module, torch.nn.Module)
    return module


def plain(own: Objective, pairs: PaddedPairs) -> Tensor:
    """-> [2]: smoothed and plain loss, summed, by torch."""
    logits = own.project(own.features(pairs.source, pairs.decoder_input)).flatten(0, 1)
    labels = pairs.decoder_target.flatten()
    smoothing = own.training_module.LABEL_SMOOTHING  # type: ignore[attr-defined]
    return torch.stack(
        [
            F.cross_entropy(
                logits, labels, ignore_index=PADDING, label_smoothing=each, reduction="sum"
            )
            for each in (smoothing, 0.0)
        ]
    )


@pytest.mark.parametrize("tokens", [1, 5, 23, 256])
def test_chunks_change_neither_loss_nor_gradient(
    own: Objective, pairs: PaddedPairs, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_layer, "CPU_LABELS", tokens)
    parameters = dict(network(own).named_parameters())
    expected = plain(own, pairs)
    (expected[0] / 23).backward()
    gradients = {name: parameter.grad for name, parameter in parameters.items()}
    network(own).zero_grad()
    got = own.add_gradients(pairs.batch, 1 / 23)
    torch.testing.assert_close(got, expected.detach())
    torch.testing.assert_close(own.evaluate(pairs.batch)[:2], got)
    for name, parameter in parameters.items():
        torch.testing.assert_close(parameter.grad, gradients[name], msg=name)


def test_an_evaluation_leaves_no_gradient(own: Objective, pairs: PaddedPairs) -> None:
    assert not own.evaluate(pairs.batch).requires_grad
    assert all(parameter.grad is None for parameter in network(own).parameters())


@pytest.mark.parametrize("tokens", [1, 5])
def test_bfloat16_chunks_add_up_to_the_gradient_of_one(
    own: Objective, pairs: PaddedPairs, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All chunks share one cast of the weights; an evaluation before them leaves none behind."""
    own = replace(own, is_bfloat16=True)
    parameters = dict(network(own).named_parameters())
    expected = own.add_gradients(pairs.batch, 1 / 23)
    gradients = {name: parameter.grad for name, parameter in parameters.items()}
    network(own).zero_grad()
    monkeypatch.setattr(output_layer, "CPU_LABELS", tokens)
    own.evaluate(pairs.batch)
    torch.testing.assert_close(own.add_gradients(pairs.batch, 1 / 23), expected)
    for name, parameter in parameters.items():
        got = parameter.grad
        assert (got is not None and got.norm() > 0) or gradients[name].norm() == 0, name
        torch.testing.assert_close(got, gradients[name], rtol=0.05, atol=0.005, msg=name)
