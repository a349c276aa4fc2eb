"""What CTranslate2 can say of a spec it computes as the generated network does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compiler.export.ctranslate2 import CTRANSLATE2
from compiler.export.target import refusals
from compiler.spec.load import load
from runtime.weights.files import Tensors
from tests.parity.importing import HERE
from tests.support.ctranslate2 import pair_of

pytestmark = pytest.mark.quick

CLOSE = 1e-5
WRONG = 1e-3
"""The least difference of a network that is another one."""
LIBRARY = Path(__file__).parents[3] / "specs"
LARGE = ("transformer-base", "transformer-big", "multi30k-raw")
"""Networks that take their time, of kinds that others have, too."""
SPECS = {
    path.stem: str(path)
    for path in (*sorted(LIBRARY.glob("*.yaml")), *sorted(LIBRARY.glob("variants/*.yaml")))
}
PARITY = {path.parent.name: str(path) for path in sorted(HERE.glob("*/spec.yaml"))}


def is_said(reference: str) -> bool:
    return not refusals(CTRANSLATE2, load(reference))


SAID = {name: each for name, each in SPECS.items() if name not in LARGE and is_said(each)}
SAID_PARITY = {name: each for name, each in PARITY.items() if is_said(each)}


@pytest.mark.parametrize("name", SAID)
def test_a_network_of_the_library_computes_the_same(name: str, tmp_path: Path) -> None:
    assert pair_of(SAID[name], (), tmp_path).difference() < CLOSE


@pytest.mark.parametrize("name", SAID_PARITY)
def test_a_network_of_another_family_computes_the_same(name: str, tmp_path: Path) -> None:
    assert pair_of(SAID_PARITY[name], (), tmp_path).difference() < CLOSE


def test_so_many_families_are_said() -> None:
    assert len(SAID_PARITY) == 45


SIZES = ("model.d_model=32", "model.feed_forward.d_ff=48", "model.vocabulary.size=50")
LLAMA3 = "{scaling: {kind: llama3, factor: 8, original_length: 16}}"
PAIRS = {
    "tanh": "model.feed_forward.activation=tanh",
    "sigmoid": "model.feed_forward.activation=sigmoid",
    "tensor2tensor": (
        "model.embedding.position={kind: sinusoidal, layout: tensor2tensor, offset: 2}"
    ),
    "llama3": "model.embedding.position={kind: rotary, scaling: "
    "{kind: llama3, factor: 8, original_length: 16}}",
    "rms after sub-layers": "model.norm={kind: rms_norm, place: post}",
    "sandwich": "model.norm={kind: rms_norm, place: sandwich, offset: true}",
    "no final norm": "model.norm={place: pre, final: false}",
    "alibi": "model.decoder.position=alibi",
    "positions of the encoder alone": "model.decoder.position=none",
    "logits": "model.output={bias: true, scale: 0.7, soft_cap: 3.0}",
    "biases": "model.attention={kv_heads: 2, bias: true, output_bias: false, scale: 0.3}",
    "narrow cross-attention": "model.decoder.cross_attention={kv_heads: 1, d_k: 4}",
    "two widths": "model.encoder={d_model: 64, layers: 1}",
    "gated": "model.feed_forward={gated: true, activation: gelu, bias: false, scale: 0.5}",
}
LAYERS = {
    "stretched in some layers": "{position: {scaling: {kind: linear, factor: 8}}}",
    "stretched by llama3 in some layers": f"{{position: {LLAMA3}}}",
    "without positions first": "{position: none}",
    "other angles": "{position: {base: 100.0, fraction: 0.5, layout: interleaved}}",
    "ungated": "{feed_forward: {gated: false, bias: true, d_ff: 16}}",
    "other groups of heads": "{self_attention: {kv_heads: 1}}",
    "other widths": "{self_attention: {d_k: 6, d_v: 10}}",
    "norms of queries and keys": "{self_attention: {query_key_norm: {eps: 1e-5}}}",
    "side by side": "{block: [[self_attention, feed_forward]]}",
}


@pytest.mark.parametrize("case", PAIRS)
def test_settings_of_translations_are_said(case: str, tmp_path: Path) -> None:
    tied = ("model.embedding.tied=target",) if case == "two widths" else ()
    settings = (*SIZES, *tied, PAIRS[case])
    assert not refusals(CTRANSLATE2, load("demo", settings))
    assert pair_of("demo", settings, tmp_path).difference() < CLOSE


@pytest.mark.parametrize("case", LAYERS)
def test_layers_may_differ(case: str, tmp_path: Path) -> None:
    others = "" if case == "side by side" else ", {repeat: 2}"
    settings = (*SIZES, f"model.decoder.layers=[{LAYERS[case]}{others}]", "model.norm.eps=1e-5")
    assert not refusals(CTRANSLATE2, load("llama-like", settings))
    assert pair_of("llama-like", settings, tmp_path).difference() < CLOSE


class TestTraps:
    """What CTranslate2 accepts and does not do; a fix of it may lift what is refused here."""

    def test_windows_do_not_hold_where_a_text_is_scored(self, tmp_path: Path) -> None:
        def with_window(spec: Any) -> None:
            for layer in spec.decoder.layer:
                object.__setattr__(layer.self_attention, "sliding_window", np.int32(5))

        settings = (*SIZES, "model.decoder.self_attention.mask=causal & window(4)")
        assert [each.message for each in refusals(CTRANSLATE2, load("llama-like", settings))] == [
            "CTranslate2 applies windows step by step, and not where it reads a prompt or scores"
        ]
        assert pair_of("llama-like", settings, tmp_path, change=with_window).difference() > WRONG

    def test_norms_of_cross_attention_are_ignored(self, tmp_path: Path) -> None:
        settings = (
            *SIZES,
            "model.norm.eps=1e-6",
            "model.decoder.cross_attention.query_key_norm={kind: rms_norm, eps: 1e-6}",
        )
        assert [each.message for each in refusals(CTRANSLATE2, load("demo", settings))] == [
            "CTranslate2 does not apply norms of queries and keys in cross-attention"
        ]

        def with_norms(spec: Any) -> None:
            for layer in spec.decoder.layer:
                layer.attention.q_norm.gamma = np.ones(8, np.float32)
                layer.attention.k_norm.gamma = np.ones(8, np.float32)

        def plain(tensors: Tensors) -> None:
            for name in tensors:
                if name.endswith(("query_norm.weight", "key_norm.weight")):
                    tensors[name] = torch.ones(8)

        ignored = pair_of("demo", settings, tmp_path, change=with_norms, tensors=plain)
        assert ignored.difference() > WRONG

    def test_the_class_of_a_stretch_has_no_factor(self, tmp_path: Path) -> None:
        from ctranslate2.specs.attention_spec import MultiHeadAttentionSpec, RotaryScalingType

        theirs = MultiHeadAttentionSpec(
            rotary_dim=8, rotary_scaling_type=RotaryScalingType.Llama3, rotary_scaling_factor=8.0
        )
        assert not hasattr(theirs, "rotary_scaling_factor")

        def without_factor(spec: Any) -> None:
            for layer in spec.decoder.layer:
                del layer.self_attention.rotary_scaling_factor

        settings = (*SIZES, f"model.decoder.position={{kind: rotary, {LLAMA3[1:-1]}}}")
        spoilt = pair_of("llama-like", settings, tmp_path, change=without_factor)
        assert spoilt.difference() > WRONG

    def test_layers_without_positions_must_not_have_a_width_of_them(self, tmp_path: Path) -> None:
        def with_width(spec: Any) -> None:
            first = spec.decoder.layer[0].self_attention
            for name, value in vars(spec.decoder.layer[1].self_attention).items():
                if name.startswith("rotary_"):
                    object.__setattr__(first, name, value)

        settings = (*SIZES, "model.decoder.layers=[{position: none}, {repeat: 2}]")
        spoilt = pair_of("llama-like", settings, tmp_path, change=with_width)
        assert spoilt.difference() > WRONG

    def test_it_adds_positions_of_its_own_without_a_table(self, tmp_path: Path) -> None:
        def without_table(spec: Any) -> None:
            del spec.decoder.position_encodings

        settings = (*SIZES, "model.decoder.position=none")
        spoilt = pair_of("demo", settings, tmp_path, change=without_table)
        assert spoilt.difference() > WRONG
