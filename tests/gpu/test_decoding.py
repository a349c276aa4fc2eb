"""Decoding of all packages of the library on a GPU that is pretended."""

import pytest

from compiler.spec.library import library
from compiler.spec.load import load
from tests.gpu import golden
from tests.gpu.conftest import PretendedGpu
from tests.gpu.test_updates import PRECISIONS, WAITING, counted_unless_waiting, shown

DECODED = [name for name in library() if load(name).spec.task in ("translation", "language_model")]
SEARCHED = ("demo", "language-model", "local-global", "llama-like", "depthwise")
"""Packages that are decoded by the product's own loop: one of each kind of state and method."""


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", DECODED)
def test_decode(
    gpu: PretendedGpu, name: str, precision: str, request: pytest.FixtureRequest
) -> None:
    if (counted := counted_unless_waiting(gpu, "decode", name, precision)) is None:
        return
    said = f"{shown(counted)}, waits of all steps: {waits_in_words(counted['waits'])}"
    golden.check(f"step {name} {precision}", said, request)


@pytest.mark.parametrize("name", SEARCHED)
def test_waits_of_a_search(gpu: PretendedGpu, name: str, request: pytest.FixtureRequest) -> None:
    counted = gpu.result("search", name)
    steps = max(counted["tokens"]) + 1
    waits = waits_in_words(counted["waits"])
    said = f"{steps} steps, {counted['kernels']} kernels, waits: {waits}"
    golden.check(f"search {name}", said, request)


def test_no_other_decoding_is_golden(request: pytest.FixtureRequest) -> None:
    pairs = {(name, precision) for name in DECODED for precision in PRECISIONS}
    keys = {" ".join(("step", *pair)) for pair in pairs - WAITING.keys()}
    golden.check_keys("step", keys, request)
    golden.check_keys("search", {f"search {name}" for name in SEARCHED}, request)


def waits_in_words(waits: dict[str, int]) -> str:
    """Return how often the host waited for which operation."""
    return ", ".join(f"{what} {times}" for what, times in sorted(waits.items())) or "none"
