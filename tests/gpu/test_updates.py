"""Updates and evaluations of all packages of the library on a GPU that is pretended.

Forward pass, loss, backward pass, clipping, optimizer, average and evaluation keep to the GPU and
to one type of numbers where operations ask for it, and the host never waits, but for the packages
of WAITING. How many kernels and bytes an update takes, and which kernels of attention, is golden.
The kernels that the runtime names are those that PyTorch takes.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from compiler.spec.library import library
from tests.gpu import golden
from tests.gpu.conftest import PretendedGpu

PRECISIONS = ("float32", "bfloat16")
SEVERAL_KERNELS = ("math", "written out")
WAITING: Mapping[tuple[str, str], str] = {
    ("experts", "float32"): "aten.bincount.default",
    ("deepseek-like", "float32"): "aten.bincount.default",
    ("gru", "float32"): "aten._pack_padded_sequence.default",
    ("gru", "bfloat16"): "aten._pack_padded_sequence.default",
    ("lstm", "float32"): "aten._pack_padded_sequence.default",
    ("lstm", "bfloat16"): "aten._pack_padded_sequence.default",
}
"""Packages that make the host wait in a precision, and the first operation for which it does.

In float32, for which GPUs have no grouped product, experts are given as many rows as have chosen
them; recurrences leave out padding by lengths that the host knows.
"""


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", library())
def test_update(
    gpu: PretendedGpu, name: str, precision: str, request: pytest.FixtureRequest
) -> None:
    if (counted := counted_unless_waiting(gpu, "update", name, precision)) is None:
        return
    assert not counted["waits"]
    assert not counted["evaluation_waits"]
    golden.check(f"update {name} {precision}", shown(counted), request)


@pytest.mark.parametrize("name", ["demo", "adamw-cosine", "language-model", "classifier"])
def test_the_update_that_a_cuda_graph_would_record_waits_for_nothing(
    gpu: PretendedGpu, name: str
) -> None:
    answer = gpu.ask("captured_update", name, "bfloat16")
    assert "error" not in answer, answer["error"]
    assert not answer["result"]


def test_no_other_updates_are_golden(request: pytest.FixtureRequest) -> None:
    pairs = {(name, precision) for name in library() for precision in PRECISIONS}
    keys = {" ".join(("update", *pair)) for pair in pairs - WAITING.keys()}
    golden.check_keys("update", keys, request)


def counted_unless_waiting(
    gpu: PretendedGpu, probe: str, name: str, precision: str
) -> dict[str, Any] | None:
    """Return what was counted of a package; None if it waits for what WAITING says.

    The kernels of attention that the runtime names must be those that PyTorch takes.
    """
    answer = gpu.ask(probe, name, precision)
    if first := WAITING.get((name, precision)):
        assert answer.get("waits") == first, answer.get("error", "it no longer waits")
        return None
    assert "error" not in answer, answer["error"]
    counted: dict[str, Any] = answer["result"]
    assert fused(counted["attention"]) == counted["fused"]
    return counted


def fused(attention: Mapping[str, int]) -> dict[str, int]:
    """Leave out the attention that is computed by several kernels."""
    return {kernel: calls for kernel, calls in attention.items() if kernel not in SEVERAL_KERNELS}


def shown(counted: Mapping[str, Any]) -> str:
    """Return counts as a golden line says them."""
    kinds = ", ".join(f"{kernel} {calls}" for kernel, calls in counted["attention"].items())
    sums = f"{counted['kernels']} kernels, {counted['bytes']:,} bytes"
    return f"{sums}, attention: {kinds or 'none'}"
