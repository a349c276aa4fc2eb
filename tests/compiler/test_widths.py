"""Encoder and decoder of two widths: what meets between them, and what is told apart."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.pipeline import compile_spec
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

ENCODER, DECODER = 24, 16
ROWS, TOKENS = 20, torch.tensor([[5, 6, 7, 8]])


def tree(embedding: dict[str, Any], **model: Any) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    stacks = {"encoder": {"layers": 1, "d_model": ENCODER}, "decoder": {"layers": 1}}
    return {
        "name": "widths",
        "model": {
            "d_model": DECODER,
            "vocabulary": {"size": ROWS},
            "embedding": embedding,
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 16},
            **stacks,
            **model,
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def shapes(spec: dict[str, Any], folder: Path) -> dict[str, tuple[int, ...]]:
    model = import_package(compile_tree(spec, folder), folder).Model()
    assert model.encode(TOKENS).shape == (1, 4, ENCODER)
    assert model.features(TOKENS, TOKENS).shape == (1, 4, DECODER)
    return {name: tuple(each.shape) for name, each in model.named_parameters()}


@pytest.mark.parametrize(
    ("tied", "output"), [("target", "target_embedding"), ("none", "projection")]
)
def test_each_table_is_as_wide_as_its_stack(tied: str, output: str, tmp_path: Path) -> None:
    found = shapes(tree({"tied": tied}), tmp_path)
    assert found["source_embedding.weight"] == (ROWS, ENCODER)
    assert found["target_embedding.weight"] == (ROWS, DECODER)
    assert found[f"{output}.weight"] == (ROWS, DECODER)


def test_one_table_of_its_own_width_is_expanded_for_each_side(tmp_path: Path) -> None:
    found = shapes(tree({"tied": "all", "width": 6}), tmp_path)
    assert found["embedding.weight"] == (ROWS, 6)
    assert found["source_embedding_expansion.weight"] == (ENCODER, 6)
    assert found["target_embedding_expansion.weight"] == (DECODER, 6)
    assert found["output_reduction.weight"] == (6, DECODER)


def test_heads_share_their_stack_and_read_memory_as_it_is(tmp_path: Path) -> None:
    found = shapes(tree({"tied": "target"}), tmp_path)
    own = "layers.0.self_attention.query_key_value.weight"
    crossed = "decoder.layers.0.cross_attention"
    assert found[f"encoder.{own}"] == (3 * ENCODER, ENCODER)
    assert found[f"decoder.{own}"] == (3 * DECODER, DECODER)
    assert found[f"{crossed}.query.weight"] == (DECODER, DECODER)
    assert found[f"{crossed}.key_value.weight"] == (2 * DECODER, ENCODER)
    assert found["encoder.layers.0.feed_forward.hidden.weight"] == (16, ENCODER)


def test_positions_are_as_wide_as_their_stack(tmp_path: Path) -> None:
    position = {"kind": "learned", "max_length": 1024}
    found = shapes(tree({"tied": "target", "position": position}), tmp_path)
    assert found["source_position.weight"] == (1024, ENCODER)
    assert found["target_position.weight"] == (1024, DECODER)


def test_a_hidden_state_is_as_wide_as_its_stack(tmp_path: Path) -> None:
    block = ["recurrence", "feed_forward"]
    recurrent = {"layers": 1, "d_model": ENCODER, "block": block, "recurrence": {"kind": "gru"}}
    found = shapes(tree({"tied": "target"}, encoder=recurrent), tmp_path)
    assert found["encoder.layers.0.recurrence.recurrence.weight_hh_l0"] == (3 * ENCODER, ENCODER)


def test_one_width_written_twice_is_one_width() -> None:
    settings = ("model.encoder.d_model=128", "model.decoder.d_model=128")
    once, twice = compile_spec("demo"), compile_spec("demo", settings)
    for name, text in once.files.items():
        assert name == "spec.lock.yaml" or twice.files[name] == text, name


@pytest.mark.parametrize(
    ("stack", "width"), [("encoder", "D_MODEL"), ("decoder", "ENCODER_D_MODEL")]
)
def test_the_usual_peak_is_that_of_the_models_width(stack: str, width: str, tmp_path: Path) -> None:
    stacks = {name: {"layers": 1} for name in ("encoder", "decoder")}
    stacks[stack]["d_model"] = 8
    package = compile_tree(tree({"tied": "target"}, **stacks), tmp_path)
    assert f"\nPEAK = {width}**-0.5 * WARMUP_STEPS**-0.5\n" in package.files["training.py"]
    peak = import_module(f"{import_package(package, tmp_path).__name__}.training").PEAK
    assert peak == pytest.approx(DECODER**-0.5 * 4000**-0.5)


def test_a_number_that_differs_between_the_stacks_is_a_constant_of_each(tmp_path: Path) -> None:
    """A class that both stacks use takes the number as an argument; no other class does."""
    width = {"layers": 1, "feed_forward": {"d_ff": 24}, "self_attention": {"d_k": 4}}
    spec = tree({"tied": "target"}, encoder=width)
    text = compile_tree(spec, tmp_path).files["model.py"]
    for line in ("ENCODER_D_K = 4", "DECODER_D_K = 8", "ENCODER_D_FF = 24", "DECODER_D_FF = 16"):
        assert f"\n{line}\n" in text
    assert [each for each in text.splitlines() if "d_ff" in each and "def " in each] == [
        "    def __init__(self, d_ff: int) -> None:"
    ]
    assert "self.feed_forward = FeedForward(d_ff=ENCODER_D_FF)" in text
    assert "d_k" not in text
    assert shapes_of_feed_forward(import_package(compile_tree(spec, tmp_path), tmp_path)) == [
        24,
        16,
    ]


def shapes_of_feed_forward(package: Any) -> list[int]:
    model = package.Model()
    return [
        each.layers[0].feed_forward.hidden.out_features for each in (model.encoder, model.decoder)
    ]


def test_a_number_of_several_values_in_a_stack_is_handed_down(tmp_path: Path) -> None:
    several = {"layers": [{"feed_forward": {"d_ff": 24}}, {"feed_forward": {"d_ff": 32}}]}
    package = compile_tree(tree({"tied": "target"}, decoder=several), tmp_path)
    text = package.files["model.py"]
    assert "ENCODER_D_FF" not in text
    assert "D_FF =" not in text
    assert "DecoderLayer(d_ff=24), DecoderLayer(d_ff=32)" in text
