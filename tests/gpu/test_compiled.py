"""Bytes of compiled code are those that its kernels read and write."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._inductor import scheduler
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

with warnings.catch_warnings():  # importing Inductor gives a warning of TorchScript
    warnings.simplefilter("ignore", DeprecationWarning)
    from tests.gpu import compiled

ROWS, WIDTH = 64, 1000
LABELS, FLOATS = 8 * ROWS, 4 * ROWS
"""Bytes of the labels and of one number a row."""


def moved_by_fused_kernels(function: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the bytes of the fused kernels of a function of logits and labels."""
    found: list[int] = []
    count = compiled.bytes_of_node

    def noted(node: Any) -> int:
        moved = count(node)
        if isinstance(node, scheduler.FusedSchedulerNode):
            found.append(moved)
        return moved

    monkeypatch.setattr(compiled, "bytes_of_node", noted)
    with FakeTensorMode():
        inputs = [torch.empty(ROWS, WIDTH), torch.empty(ROWS, dtype=torch.int64)]
        compiled.costs_of(make_fx(function)(*inputs), inputs)
    return found


@pytest.mark.quick
def test_a_fused_kernel_reads_of_a_gathered_tensor_no_more_than_it_gathers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gathers(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        chosen = logits.gather(1, labels[:, None]).squeeze(1)
        return chosen.exp(), chosen.neg()

    (moved,) = moved_by_fused_kernels(gathers, monkeypatch)
    gathered = 2 * FLOATS  # by each of two parts
    assert moved == LABELS + gathered + 2 * FLOATS


@pytest.mark.quick
def test_a_fused_kernel_reads_a_tensor_once_for_all_its_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reads(logits: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        return logits.exp(), logits.neg()

    (moved,) = moved_by_fused_kernels(reads, monkeypatch)
    assert moved == 3 * WIDTH * FLOATS
