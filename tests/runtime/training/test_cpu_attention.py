"""Attention on a CPU: written out for short texts, fused for long ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from runtime.data.prepare import prepare
from runtime.package import load_package
from runtime.training import cpu_attention as module
from runtime.training.cpu_attention import cpu_attention
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
FLASH = "_scaled_dot_product_flash_attention_for_cpu"


class Kernels(TorchDispatchMode):
    """Notes whether the fused kernel is called, and in which dtypes."""

    def __init__(self) -> None:
        super().__init__()
        self.fused: list[torch.dtype] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func._schema.name.removeprefix("aten::") == FLASH:
            self.fused.append(args[0].dtype)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("length", "is_bfloat16", "expected"),
    [
        (module.LONGEST_OF_PLAIN_PRODUCTS["float32"], False, []),
        (module.LONGEST_OF_PLAIN_PRODUCTS["float32"] + 1, False, [torch.float32]),
        (module.LONGEST_OF_PLAIN_PRODUCTS["bfloat16"], True, []),
        (module.LONGEST_OF_PLAIN_PRODUCTS["bfloat16"] + 1, True, [torch.bfloat16]),
    ],
)
def test_the_fused_kernel_computes_long_texts(
    length: int, is_bfloat16: bool, expected: list[torch.dtype]
) -> None:
    torch.manual_seed(1)
    query = torch.randn(1, 1, length, 8)
    with (
        torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16),
        cpu_attention([torch.zeros(1, length)], is_bfloat16=is_bfloat16),
        Kernels() as kernels,
    ):
        got = F.scaled_dot_product_attention(query, query, query, is_causal=True)
    assert kernels.fused == expected
    plain = F.scaled_dot_product_attention(query, query, query, is_causal=True)
    tolerance = 0.02 if is_bfloat16 else 1e-5
    torch.testing.assert_close(got.float(), plain, rtol=tolerance, atol=tolerance)


def test_everything_is_as_before_once_it_ends() -> None:
    def settings() -> tuple[bool, bool]:
        backends = torch.backends.cuda
        return backends.flash_sdp_enabled(), backends.fp16_bf16_reduction_math_sdp_allowed()

    before = settings()
    with cpu_attention([torch.zeros(1, 2)], is_bfloat16=True):
        assert settings() != before
    assert settings() == before


@pytest.mark.parametrize("recompute", ["none", "layer"])
@pytest.mark.parametrize("most", [0, 100])
def test_a_network_learns_in_bfloat16_either_way(
    make_package: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recompute: str, most: int
) -> None:
    """Layers that the backward pass computes anew meet the attention of the forward pass."""
    monkeypatch.setitem(module.LONGEST_OF_PLAIN_PRODUCTS, "bfloat16", most)
    package = load_package(make_package(dropout=0.0, precision="bfloat16", recompute=recompute))
    pairs = prepare(package.spec, tmp_path / "cache", report=lambda _: None).train
    state = TrainState(package, torch.device("cpu"), Workers())
    with Kernels() as kernels:
        losses = [float(state.update(pairs, [np.arange(40)], 0.01)[0]) for _ in range(3)]
    assert losses == sorted(losses, reverse=True)
    assert set(kernels.fused) == ({torch.bfloat16} if most == 0 else set())
