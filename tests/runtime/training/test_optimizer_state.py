"""Optimizers without pickle."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from runtime.training.train_state import load_optimizer_tensors, optimizer_tensors

pytestmark = pytest.mark.quick

OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "Adam": lambda groups: torch.optim.Adam(groups, lr=0.1, fused=True),
    "AdamW": lambda groups: torch.optim.AdamW(groups, lr=0.1, fused=True),
    "SGD": lambda groups: torch.optim.SGD(groups, lr=0.1, fused=True),
    "momentum": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, fused=True),
    "Adafactor": lambda groups: torch.optim.Adafactor(groups, lr=0.1),
}


def make(kind: str = "Adam") -> tuple[nn.Module, torch.optim.Optimizer]:
    """Two groups, the second parameter first, so that numbers and names disagree."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    groups: list[dict[str, Any]] = [
        {"params": model[1].parameters()},
        {"params": model[0].parameters(), "lr": 0.5},
    ]
    return model, OPTIMIZERS[kind](groups)


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    model(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_names_tell_parameter_and_kind() -> None:
    model, optimizer = make()
    step(model, optimizer)
    names = optimizer_tensors(optimizer, model).keys()
    assert {"0.weight/exp_avg", "0.weight/exp_avg_sq", "1.bias/step"} <= names


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_another_optimizer_goes_on_to_the_bit(kind: str, tmp_path: Path) -> None:
    model, optimizer = make(kind)
    other_model, other_optimizer = make(kind)
    for _ in range(3):
        step(model, optimizer)
    other_model.load_state_dict(model.state_dict())
    save_file(optimizer_tensors(optimizer, model), tmp_path / "optimizer")
    load_optimizer_tensors(other_optimizer, other_model, load_file(tmp_path / "optimizer"))
    for _ in range(2):
        step(model, optimizer)
        step(other_model, other_optimizer)
    assert all(map(torch.equal, model.parameters(), other_model.parameters()))


def test_an_optimizer_that_did_nothing_yet_has_no_tensors() -> None:
    model, optimizer = make()
    assert optimizer_tensors(optimizer, model) == {}
    load_optimizer_tensors(optimizer, model, {})
    step(model, optimizer)
