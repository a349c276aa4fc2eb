"""The helpers that drop numbers, and those of `training.py`, against torch's own functions."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.helpers import rendered, renders, replaced

pytestmark = pytest.mark.quick

RATE, SMOOTHING = 0.3, 0.1


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


@renders("dropout")
@pytest.mark.parametrize("rate", [0.5, 0.3, 0.1, 1 / 256])
def test_dropout_zeroes_its_share_and_keeps_the_mean(rate: float) -> None:
    count = 1_000_003  # no multiple of the eight decisions that a draw makes
    zeroed = round(rate * 256) / 256
    dropped = rendered("dropout").dropout(torch.ones(count), rate, True)
    share = (dropped == 0).double().mean().item()
    deviation = (zeroed * (1 - zeroed) / count) ** 0.5
    assert abs(share - zeroed) < 5 * deviation
    torch.testing.assert_close(dropped[dropped != 0].unique(), torch.tensor([1 / (1 - zeroed)]))


def test_each_decision_of_a_draw_is_fair_and_on_its_own() -> None:
    kept = rendered("dropout").dropout(torch.ones(200_000, 8), 0.5, True) != 0
    correlation = torch.corrcoef(kept.T.double())
    assert (kept.double().mean(0) - 0.5).abs().max() < 0.006
    assert (correlation - torch.eye(8)).abs().max() < 0.012


def test_the_gradient_passes_where_the_number_passed() -> None:
    x = torch.randn(7, 5, 3, requires_grad=True)
    dropped = rendered("dropout").dropout(x, RATE, True)
    dropped.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x, dropped)


def test_extreme_rates_are_rounded_to_what_can_be_done() -> None:
    ones, helpers = torch.ones(100_000), rendered("dropout")
    assert 0 < (helpers.dropout(ones, 1e-6, True) == 0).sum() < 600
    assert 0 < (helpers.dropout(ones, 0.9999, True) != 0).sum() < 600


@pytest.mark.parametrize(("rate", "training"), [(RATE, False), (0.0, True)])
def test_nothing_is_dropped_without_rate_or_training(rate: float, training: bool) -> None:
    x = torch.randn(100_000)
    assert rendered("dropout").dropout(x, rate, training).equal(x)


@renders("stochastic_depth")
def test_stochastic_depth_leaves_whole_sentences_out() -> None:
    helpers = rendered("stochastic_depth")
    x = torch.ones(4000, 3, 2)
    dropped = helpers.stochastic_depth(x, RATE, True)
    assert dropped.flatten(1).unique(dim=1).size(1) == 1, "one decision for a sentence"
    assert abs((dropped[:, 0, 0] == 0).double().mean() - RATE) < 0.04
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 1 / (1 - RATE)]))
    assert helpers.stochastic_depth(x, RATE, False) is x


def plain_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    smoothed = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING, reduction="sum")
    return smoothed, F.cross_entropy(logits, labels, reduction="sum")


@renders("smoothed_cross_entropy")
@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("kind", ["SmoothedCrossEntropy", "FusedCrossEntropy"])
def test_the_smoothed_loss_and_its_gradient_are_torchs(kind: str, scale: float) -> None:
    """The form for CPUs and that for GPUs, which a CPU can compute, too, are tried."""
    labels = torch.randint(30, (40,))
    ours, theirs = ((torch.randn(40, 30) * scale).requires_grad_() for _ in range(2))
    theirs.data.copy_(ours.data)
    helpers = rendered("smoothed_cross_entropy")
    replaced(helpers, SmoothedCrossEntropy=getattr(helpers, kind))
    got = helpers.smoothed_cross_entropy(ours, labels, SMOOTHING)
    expected = plain_loss(theirs, labels)
    torch.testing.assert_close(got, expected)
    (got[0] * 0.7).backward()
    (expected[0] * 0.7).backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert not got[1].requires_grad


@renders("cross_entropy")
def test_without_smoothing_both_losses_are_the_plain_one() -> None:
    logits, labels = torch.randn(40, 30, requires_grad=True), torch.randint(30, (40,))
    loss, plain = rendered("cross_entropy").cross_entropy(logits, labels)
    assert loss.equal(F.cross_entropy(logits, labels, reduction="sum"))
    assert plain.equal(loss)
    assert not plain.requires_grad


@renders("decay_groups")
def test_matrices_decay_and_vectors_do_not() -> None:
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3), nn.LayerNorm(3))
    decaying, others = rendered("decay_groups").decay_groups(model, 0.1)
    assert [decaying["weight_decay"], others["weight_decay"]] == [0.1, 0.0]
    assert {each.ndim for each in decaying["params"]} == {2}
    assert len(decaying["params"]) + len(others["params"]) == len(list(model.parameters()))


SHAPES = ((7, 5), (3,), (1, 6), (2, 3, 4), (5, 1))
ADAFACTOR = {"lr": 0.05, "eps": (1e-15, 1e-3), "weight_decay": 0.1, "d": 1.2, "beta2_decay": -0.7}
STEPS = 30


def drawn(count: int) -> list[list[Tensor]]:
    """Gradients of some updates, of different sizes; those of the second parameter are zero."""
    return [
        [torch.randn(each) * 10 ** (-step % 4) * (n != 1) for n, each in enumerate(SHAPES)]
        for step in range(count)
    ]


def updated(optimizer: torch.optim.Optimizer, gradients: list[list[Tensor]]) -> None:
    (group,) = optimizer.param_groups
    for step, each in enumerate(gradients):
        group["lr"] = ADAFACTOR["lr"] / (1 + step % 3)
        for parameter, gradient in zip(group["params"], each, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()


def adafactors() -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Ours and torch's, of equal parameters; the third is zero."""
    values = [torch.randn(each) * (n != 2) for n, each in enumerate(SHAPES)]
    ours, theirs = ([nn.Parameter(each.clone()) for each in values] for _ in range(2))
    return (
        rendered("Adafactor").Adafactor(ours, **ADAFACTOR),
        torch.optim.Adafactor(theirs, **ADAFACTOR),  # type: ignore[arg-type]
    )


def assert_equal_optimizers(ours: torch.optim.Optimizer, theirs: torch.optim.Optimizer) -> None:
    pairs = zip(ours.param_groups[0]["params"], theirs.param_groups[0]["params"], strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.state_dict()["state"], theirs.state_dict()["state"])


@renders("Adafactor")
def test_adafactor_updates_as_that_of_torch() -> None:
    ours, theirs = adafactors()
    gradients = drawn(STEPS)
    updated(ours, gradients)
    updated(theirs, gradients)
    assert_equal_optimizers(ours, theirs)


@pytest.mark.parametrize("is_begun_by_ours", [False, True])
def test_adafactor_continues_what_torch_has_begun_and_the_other_way(is_begun_by_ours: bool) -> None:
    ours, theirs = adafactors()
    begun, continued = (ours, theirs) if is_begun_by_ours else (theirs, ours)
    first, second = drawn(STEPS), drawn(STEPS)
    updated(begun, first)
    with torch.no_grad():
        for one, other in zip(
            continued.param_groups[0]["params"], begun.param_groups[0]["params"], strict=True
        ):
            one.copy_(other)
    continued.load_state_dict(deepcopy(begun.state_dict()))
    updated(continued, second)
    updated(begun, second)
    assert_equal_optimizers(ours, theirs)


def test_adafactor_asks_for_no_number_of_a_tensor() -> None:
    """Tensors without data cannot be asked for any: torch's Adafactor fails on them."""
    parameters = [nn.Parameter(torch.empty(each, device="meta")) for each in SHAPES]
    gradients = [[torch.empty(each, device="meta") for each in SHAPES]] * 2
    updated(rendered("Adafactor").Adafactor(parameters, **ADAFACTOR), gradients)
    with pytest.raises(RuntimeError):
        updated(torch.optim.Adafactor(parameters, **ADAFACTOR), gradients)  # type: ignore[arg-type]
