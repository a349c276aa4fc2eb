"""Latent attention: what decoding keeps, and what a step computes of it."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from compiler.analysis.decoding_memory import decoding_memory
from compiler.ir.block import walk
from compiler.ops.latent import ExpandLatent, LatentAttention
from compiler.pipeline import CompiledPackage, compile_spec
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

LATENT, ROTARY, D_K, D_V, HEADS, LAYERS = 12, 4, 10, 8, 4, 2
SPEC = f"""
name: small
task: language_model
model:
  d_model: 16
  vocabulary: {{size: 20}}
  embedding: {{position: rotary}}
  attention:
    heads: {HEADS}
    d_k: {D_K}
    d_v: {D_V}
    latent: {{keys_and_values: {LATENT}, rotary: {ROTARY}}}
  feed_forward: {{d_ff: 16}}
  decoder: {{layers: {LAYERS}}}
data: {{train: {{text: a}}, valid: {{text: a}}, test: {{text: a}}}}
training: {{batch_tokens: 1000, steps: 5000}}
"""
PAIR = """
name: pair
model:
  d_model: 16
  vocabulary: {size: 20}
  attention: {heads: 4, d_k: 10, latent: {keys_and_values: 12, rotary: 4}}
  feed_forward: {d_ff: 16}
  encoder: {layers: 1}
  decoder: {layers: 1}
data: {train: {tsv: a}, valid: {tsv: a}, test: {tsv: a}}
training: {batch_tokens: 1000, steps: 5000}
"""


def compiled(text: str, folder: Path) -> CompiledPackage:
    path = folder / "spec.yaml"
    path.write_text(text)
    return compile_spec(str(path))


def test_a_cache_holds_latents_and_rotary_parts_alone(tmp_path: Path) -> None:
    memory = decoding_memory(compiled(SPEC, tmp_path).model)
    kept = [each.numbers for found in memory.values() for each in found if each.cache]
    assert sum(kept) == LAYERS * (LATENT + ROTARY)


def test_what_is_kept_of_the_source_are_latents(tmp_path: Path) -> None:
    memory = decoding_memory(compiled(PAIR, tmp_path).model)
    kept = [each.numbers for found in memory.values() for each in found if each.is_of_source]
    assert sum(kept) == 12 + 4


def test_no_step_makes_keys_and_values(tmp_path: Path) -> None:
    for text in (SPEC, PAIR):
        blocks = [block for _, block in walk(compiled(text, tmp_path).model) if block.has("step")]
        ops = [each.op for block in blocks for each in block.function("step").body]
        assert any(isinstance(op, LatentAttention) for op in ops)
        assert not any(isinstance(op, ExpandLatent) for op in ops)


def test_a_cached_position_costs_a_step_no_expansion(tmp_path: Path) -> None:
    """Operations of a step that grow with the cache: products with latents, once for scores and
    once for results, and those with rotary parts.
    """
    module = import_package(compiled(SPEC, tmp_path), tmp_path)
    model = module.Model().eval()
    counts = {length: operations(model, length) for length in (16, 48)}
    a_position = (counts[48] - counts[16]) / 32
    assert a_position == LAYERS * HEADS * 2 * (2 * LATENT + ROTARY)
    assert a_position < LAYERS * HEADS * 2 * LATENT * (D_K - ROTARY + D_V)


def operations(model: torch.nn.Module, cached: int) -> int:
    """The operations of a step whose cache has so many positions with its own."""
    tokens = torch.randint(1, 20, (1, cached - 1))
    with torch.no_grad():
        state = model.start(tokens)
        model.prefill(tokens, state)
        model.step(tokens[:, :1], torch.zeros(1, 1, dtype=torch.long), state)  # makes room
        state = model.start(tokens)
        model.prefill(tokens, state)
        with FlopCounterMode(display=False) as counter:
            model.step(tokens[:, :1], torch.zeros(1, 1, dtype=torch.long), state)
    return counter.get_total_flops()
