"""Muon against torch's own, which takes whole matrices alone, and AdamW beside it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.helpers import rendered, renders

pytestmark = pytest.mark.quick

SETTINGS: dict[str, Any] = {"betas": (0.9, 0.95), "eps": 1e-8, "momentum": 0.9, "iterations": 5}
DECAY, STEPS = 0.1, 7


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


@renders("orthogonal")
@pytest.mark.parametrize("shape", [(8, 8), (24, 6), (5, 17), (1, 4)])
def test_singular_values_come_close_to_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, dtype=torch.float64)
    found = rendered("orthogonal").orthogonal(matrix, 5)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    own = left.T @ found @ right.T
    assert found.shape == matrix.shape
    torch.testing.assert_close(own, torch.diag(own.diagonal()), rtol=0, atol=1e-9)
    strong = own.diagonal()[values > 0.05 * matrix.norm()]
    assert strong.min() > 0.6
    assert strong.max() < 1.25


def test_a_matrix_without_a_gradient_does_not_move() -> None:
    assert not rendered("orthogonal").orthogonal(torch.zeros(3, 4), 5).any()


@renders("matrix_groups")
def test_matrices_by_name_and_all_others() -> None:
    model = nn.ModuleDict(
        {"layers": nn.ModuleList([nn.Linear(3, 6)] * 2), "table": nn.Embedding(5, 3)}
    )
    groups = rendered("matrix_groups").matrix_groups(model, {"layers.*.weight": (3, 3)}, DECAY)
    shown = [
        ([*map(tuple_of, each["params"])], each["rows"], each["weight_decay"]) for each in groups
    ]
    assert shown == [([(6, 3)], (3, 3), DECAY), ([(5, 3)], (), DECAY), ([(6,)], (), 0.0)]


def tuple_of(parameter: Tensor) -> tuple[int, ...]:
    return tuple(parameter.shape)


@renders("Muon")
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("matches_adamw", [True, False])
def test_it_updates_as_those_of_torch(
    nesterov: bool, matches_adamw: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part of a fused matrix is one of torch's, whose products are in bfloat16 otherwise."""
    monkeypatch.setattr(Tensor, "bfloat16", Tensor.clone)
    fused, table, bias = (torch.randn(each) for each in ((9, 5), (7, 5), (4,)))
    ours = [nn.Parameter(each.clone()) for each in (fused, table, bias)]
    theirs = [nn.Parameter(each.clone()) for each in (*fused.split((6, 3)), table, bias)]
    groups = [
        {"params": ours[:1], "rows": (6, 3), "weight_decay": DECAY},
        {"params": ours[1:], "rows": (), "weight_decay": 0.0},
    ]
    choice = {"nesterov": nesterov, "matches_adamw": matches_adamw}
    own = rendered("Muon").Muon(groups, lr=1.0, adamw_rate=0.5, **SETTINGS, **choice)
    muon = torch.optim.Muon(
        theirs[:2],
        weight_decay=DECAY,
        momentum=SETTINGS["momentum"],
        nesterov=nesterov,
        adjust_lr_fn="match_rms_adamw" if matches_adamw else "original",
    )
    adamw = torch.optim.AdamW(theirs[2:], betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for step in range(STEPS):
        rate = 0.01 * (step + 1)
        set_gradients(ours, theirs)
        for optimizer, factor in ((own, 1.0), (muon, 1.0), (adamw, 0.5)):
            for group in optimizer.param_groups:
                group["lr"] = rate * factor
            optimizer.step()
    torch.testing.assert_close(torch.cat([theirs[0], theirs[1]]), ours[0], rtol=1e-5, atol=1e-5)
    for mine, other in zip(ours[1:], theirs[2:], strict=True):
        assert mine.equal(other)


def set_gradients(ours: list[nn.Parameter], theirs: list[nn.Parameter]) -> None:
    fused, *others = (torch.randn_like(each) for each in ours)
    for each, gradient in zip(ours, (fused, *others), strict=True):
        each.grad = gradient.clone()
    for each, gradient in zip(theirs, (*fused.split((6, 3)), *others), strict=True):
        each.grad = gradient.clone()


def test_a_closure_gives_the_loss() -> None:
    weight = nn.Parameter(torch.randn(3, 3))
    groups = [{"params": [weight], "rows": (3,), "weight_decay": 0.0}]
    choice = {"nesterov": True, "matches_adamw": True, "adamw_rate": 1.0}
    optimizer = rendered("Muon").Muon(groups, lr=0.1, **SETTINGS, **choice)

    def closure() -> Tensor:
        loss = weight.square().sum()
        loss.backward()
        return loss.detach()

    assert optimizer.step(closure) > optimizer.step(closure)
