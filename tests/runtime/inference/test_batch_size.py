"""Batches of a GPU are as large as its memory allows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.spec.load import load
from runtime.inference import batch_decoder, batch_size
from runtime.inference.batch_decoder import BatchDecoder
from runtime.inference.batch_size import gpu_sentences, sentence_bytes
from runtime.package import load_package

Build = Callable[..., Any]
CPU = torch.device("cpu")
DEMO = Path(__file__).parents[3] / "generated" / "demo"


@pytest.mark.quick
def test_a_sentence_needs_its_caches(tiny_model: Build) -> None:
    """Each slot has keys and values of two heads of 8 numbers in each layer, and a mask."""
    model = tiny_model()
    layers, beam = len(model.decoder.layers), 4
    short, long = (sentence_bytes(model, CPU, 9, length, beam) for length in (23, 23 + 64))
    assert long - short == 64 * beam * (layers * 2 * 2 * 8 * 4 + beam)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("free", "hypotheses", "expected"),
    [(10**12, 1, 1024), (10**12, 4, 1024), (10**12, 16, 256), (10**12, 9999, 1), (1, 4, 1)],
)
def test_bounds_of_a_batch(
    tiny_model: Build,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    hypotheses: int,
    expected: int,
) -> None:
    monkeypatch.setattr(batch_size, "free_bytes", lambda _: free)
    assert gpu_sentences(tiny_model(), CPU, 9, 20, hypotheses) == expected


@pytest.mark.quick
def test_memory_bounds_a_batch(tiny_model: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    each = sentence_bytes(model, CPU, 9, 20, 4)
    monkeypatch.setattr(batch_size, "free_bytes", lambda _: 2 * 100 * each + 1)
    assert gpu_sentences(model, CPU, 9, 20, 4) == 100


def test_a_decoder_on_a_gpu_takes_more_sentences_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = load_package(DEMO).model_class().eval()
    spec = load("demo", ["decoding.max_length=2"]).spec
    rows = [[5, 6, 7]] * 150
    batches: list[int] = []
    search = BatchDecoder._search

    def counted(self: BatchDecoder, sources: Any, *rest: Any) -> Any:
        batches.append(len(sources))
        return search(self, sources, *rest)

    monkeypatch.setattr(BatchDecoder, "_search", counted)
    expected = BatchDecoder(model, spec).decode(rows)
    assert batches == [64, 64, 22]
    batches.clear()
    monkeypatch.setattr(batch_decoder, "is_asynchronous", lambda _: True)
    monkeypatch.setattr(batch_size, "free_bytes", lambda _: 10**12)
    found = BatchDecoder(model, spec).decode(rows)
    assert batches == [150]
    assert [each.tokens for (each,) in found] == [each.tokens for (each,) in expected]
