"""Optimizers without pickle."""

from typing import Any

import torch
from torch import nn

from runtime.training.optimizer_state import load_optimizer_tensors, optimizer_tensors


def make() -> tuple[nn.Module, torch.optim.Optimizer]:
    """Two groups, the second parameter first, so that numbers and names disagree."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    groups: list[dict[str, Any]] = [
        {"params": model[1].parameters()},
        {"params": model[0].parameters(), "lr": 0.5},
    ]
    return model, torch.optim.Adam(groups, lr=0.1, fused=True)


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    model(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_names_tell_parameter_and_kind() -> None:
    model, optimizer = make()
    step(model, optimizer)
    names = optimizer_tensors(optimizer, model).keys()
    assert {"0.weight/exp_avg", "0.weight/exp_avg_sq", "1.bias/step"} <= names


def test_another_optimizer_goes_on_to_the_bit() -> None:
    model, optimizer = make()
    other_model, other_optimizer = make()
    step(model, optimizer)
    other_model.load_state_dict(model.state_dict())
    tensors = {name: t.clone() for name, t in optimizer_tensors(optimizer, model).items()}
    load_optimizer_tensors(other_optimizer, other_model, tensors)
    step(model, optimizer)
    step(other_model, other_optimizer)
    assert all(map(torch.equal, model.parameters(), other_model.parameters()))


def test_an_optimizer_that_did_nothing_yet_has_no_tensors() -> None:
    model, optimizer = make()
    assert optimizer_tensors(optimizer, model) == {}
    load_optimizer_tensors(optimizer, model, {})
    step(model, optimizer)
