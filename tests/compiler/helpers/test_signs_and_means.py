"""Lion and schedule-free AdamW against the formulas of their papers."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.helpers import rendered, renders

pytestmark = pytest.mark.quick

RATE, DECAY, STEPS = 0.05, 0.1, 9


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


def trained(
    optimizer: torch.optim.Optimizer, weight: nn.Parameter, rates: list[float]
) -> list[Tensor]:
    """Make updates with these rates, and return their gradients."""
    gradients = [torch.randn_like(weight) for _ in rates]
    for rate, gradient in zip(rates, gradients, strict=True):
        weight.grad = gradient.clone()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    return gradients


@renders("Lion")
@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_lion_is_algorithm_2(decay: float) -> None:
    weight = nn.Parameter(torch.randn(4, 3))
    expected, mean = weight.detach().clone(), torch.zeros(4, 3)
    groups: Any = [{"params": [weight], "weight_decay": decay}]
    rates = [RATE / step for step in range(1, STEPS)]
    optimizer = rendered("Lion").Lion(groups, lr=1.0, betas=(0.8, 0.95))
    for rate, gradient in zip(rates, trained(optimizer, weight, rates), strict=True):
        change = torch.sign(0.8 * mean + 0.2 * gradient)
        expected = expected - rate * (change + decay * expected)
        mean = 0.95 * mean + 0.05 * gradient
    torch.testing.assert_close(weight.detach(), expected)


@renders("ScheduleFreeAdamW")
@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_schedule_free_adamw_is_algorithm_1(decay: float) -> None:
    """Three sequences, of which the code keeps two; the rate rises as in a warm-up."""
    weight = nn.Parameter(torch.randn(4, 3))
    x = z = weight.detach().clone()
    squares, weights = torch.zeros(4, 3), 0.0
    groups: Any = [{"params": [weight], "weight_decay": decay}]
    kind = rendered("ScheduleFreeAdamW").ScheduleFreeAdamW
    optimizer = kind(groups, lr=1.0, betas=(0.9, 0.99), eps=1e-8)
    assert optimizer.learned(weight).equal(weight)
    rates = [RATE * min(1.0, step / 4) for step in range(1, STEPS)]
    for step, (rate, gradient) in enumerate(
        zip(rates, trained(optimizer, weight, rates), strict=True), start=1
    ):
        y = 0.1 * z + 0.9 * x
        squares = 0.99 * squares + 0.01 * gradient**2
        root = (squares / (1 - 0.99**step)).sqrt() + 1e-8
        z = z - rate * (gradient / root + decay * y)
        weights += rate**2
        x = (1 - rate**2 / weights) * x + rate**2 / weights * z
    torch.testing.assert_close(weight.detach(), 0.1 * z + 0.9 * x)
    torch.testing.assert_close(optimizer.learned(weight), x)
