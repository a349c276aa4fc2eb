"""The kernel of each attention, and what the model makes once for all layers."""

from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.ir.block import Block, walk
from compiler.ops.masking import Tokens
from compiler.ops.rotary import CosineSine, RotaryAngles
from compiler.pipeline import CompiledPackage, compile_spec, passes
from compiler.transforms.derive_weights import attentions
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

SMALL = (
    *("model.d_model=16", "model.attention.heads=2", "model.feed_forward.d_ff=8"),
    *("model.vocabulary.size=20", "model.encoder.layers=2", "model.decoder.layers=2"),
)


WIDE = ("model.attention.d_k=16", "model.attention.d_v=16")
"""Heads that are wide enough for FlexAttention."""


def compiled(**masks: str) -> CompiledPackage:
    settings = [f'model.{stack}.self_attention.mask="{mask}"' for stack, mask in masks.items()]
    return compile_spec("demo", (*SMALL, *settings))


def kernels(package: CompiledPackage) -> dict[str, str]:
    found = attentions(package.model).items()
    return {name: type(op).__name__ for name, (_, (op,)) in found}


@pytest.mark.parametrize(
    ("mask", "settings", "expected"),
    [
        ("causal", (), "CausalAttention"),
        ("causal & window(3)", (), "LocalAttention"),
        ("causal & block(4)", (), "LocalAttention"),
        ("causal & dilated(2)", (), "Attention"),
        ("causal & window(3)", ("model.attention.soft_cap=5.0",), "Attention"),
        ("causal & window(3)", ("model.kernel=flex", *WIDE), "FlexAttention"),
        ("causal", ("model.embedding.position=alibi",), "Attention"),
    ],
)
def test_the_kernel_suits_the_mask(mask: str, settings: tuple[str, ...], expected: str) -> None:
    mask = f'model.decoder.self_attention.mask="{mask}"'
    found = kernels(compile_spec("demo", (*SMALL, *settings, mask)))
    assert found["DecoderSelfAttention"] == expected
    assert found["CrossAttention"] == "Attention"


def inputs_of(block: Block) -> list[str]:
    return [each.name for each in block.function("forward").inputs]


def test_a_mask_is_an_argument_only_where_its_kernel_needs_it() -> None:
    layers = {
        mask: inputs_of(part.part("layers").block)  # type: ignore[union-attr]
        for mask in ("causal", "causal & window(3)", "causal & dilated(2)")
        for part in (compiled(decoder=mask).model.part("decoder"),)
        if isinstance(part, Block)
    }
    plain = ["x", "memory", "source_mask"]
    assert layers["causal"] == layers["causal & window(3)"] == plain
    assert layers["causal & dilated(2)"] == ["x", "memory", "target_mask", "source_mask"]


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("all", "causal"),
        ("window(3)", "causal & (window(3) | first(2))"),
        ("block(4) | window(1)", "causal & dilated(3)"),
    ],
)
def test_kernels_compute_what_the_dense_one_does(
    encoder: str, decoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lowering writes the dense kernel with the whole mask: the choice is but faster."""
    chosen = compiled(encoder=encoder, decoder=decoder)
    dense = tuple(each for each in passes() if each.__name__ != "select_kernel")
    monkeypatch.setattr("compiler.pipeline.passes", lambda: dense)
    plain = compiled(encoder=encoder, decoder=decoder)
    assert set(kernels(plain).values()) == {"Attention"} != set(kernels(chosen).values())
    one, other = (import_package(each, tmp_path).Model().eval() for each in (chosen, plain))
    other.load_state_dict(one.state_dict())
    source, target = torch.randint(1, 20, (2, 70)), torch.randint(1, 20, (2, 70))
    source[1, 40:] = 0
    with torch.no_grad():
        torch.testing.assert_close(one(source, target), other(source, target))


def test_values_of_tokens_alone_are_made_once_and_by_the_model() -> None:
    model = compile_spec("llama-like", ["model.decoder.layers=3"]).model
    for path, block in walk(model):
        for function in block.functions:
            made: list[Any] = [(each.op, each.inputs) for each in function.body]
            assert not any(isinstance(op, Tokens) for op, _ in made)
            of_tokens = [each for each in made if each[1] and set(each[1]) <= {"target"}]
            assert not of_tokens or not path, path
    features = model.function("features")
    for op in (RotaryAngles, CosineSine):
        assert sum(isinstance(each.op, op) for each in features.body) == 1


def test_learned_biases_lie_in_the_model_whatever_layer_they_are_written_in() -> None:
    model = compile_spec("demo", (*SMALL, "model.embedding.position=relative")).model
    names = [name for name, _ in model.parts]
    assert names.index("source_distance") < names.index("encoder")
    assert names.index("target_distance") < names.index("encoder")
    for _, block in list(walk(model))[1:]:
        assert not any("distance" in name for name, _ in block.parts)


def test_layers_with_one_mask_and_two_kernels_have_a_mask_for_each() -> None:
    """Scores that are capped need the whole mask, the others padding alone: two arguments."""
    layers = "[{repeat: 1}, {repeat: 1, self_attention: {soft_cap: 5.0}}]"
    settings = ('model.encoder.self_attention.mask="window(3)"', f"model.encoder.layers={layers}")
    shape = [each for each in SMALL if "encoder" not in each]
    package = compile_spec("demo", (*shape, *settings))
    encoder = package.model.part("encoder")
    assert isinstance(encoder, Block)
    assert inputs_of(encoder) == ["x", "source_mask", "source_mask_2"]
    made = [each.results for each in package.model.function("encode").body]
    assert made.index(("source_mask.1",)) < made.index(("source_mask_2.1",))
