"""The knobs of random valid specs, and their values. Every feature of the language is added here.

`DRAWN` counts how often each value of each knob was drawn; the test run writes it into
`.pytest_cache/d/random-specs/drawn.txt`.
"""

import copy
from collections import Counter, defaultdict
from typing import Any

from hypothesis import strategies as st

from compiler.activations import ACTIVATIONS
from tests.support import attention_variants, head_masks, mixers

DRAWN: defaultdict[str, Counter[object]] = defaultdict(Counter)
Tree = dict[str, Any]

RATES = (0.0, 0.1)
KNOBS: dict[str, tuple[Any, ...]] = {
    "d_model": (8, 16),
    "width_of_a_stack": (*(None, None, None), ("encoder", 24), ("decoder", 24)),
    "d_ff": (3, 8),
    "layers": (1, 2, 3),
    "heads": (1, 2, 3),
    "d_k": (None, 4, 8),
    "d_v": (None, 1, 4),
    "bias": (False, True),
    "attention_dropout": RATES,
    "activation_dropout": RATES,
    "dropout": RATES,
    "activation": tuple(ACTIVATIONS),
    "gated": (False, True),
    "clamp": (None, None, 0.5),
    "up_offset": (None, None, 1.0),
    "feed_forward_bias": (None, True, False),
    "experts": (
        *(None, None, None),
        {"count": 3, "active": 1},
        {"count": 4, "balance_loss": 0.1},
        {"count": 3, "balance_loss": 0},
        {"count": 3, "normalize": False, "router_bias": True, "shared": {"d_ff": 3}},
        {"count": 4, "score": "sigmoid", "factor": 2.5, "shared": {"d_ff": 5, "gated": True}},
        {"count": 3, "active": 1, "score": "sigmoid", "weigh": "inputs"},
        {"count": 4, "groups": {"count": 2, "active": 1}, "normalize": False, "factor": 1.5},
        {
            **{"count": 6, "score": "sigmoid", "balance_loss": 0, "correction": {"rate": 0.01}},
            "groups": {"count": 3, "active": 2, "by": "best_two"},
        },
    ),
    "output_bias": (False, True),
    "output_scale": (1.0, 0.5, "inverse_sqrt_d_model"),
    "soft_cap": (None, 3.0),
    "norm": ("layer_norm", "layer_norm", "rms_norm", "rms_norm", "none"),
    "place": ("post", "pre", "output", "sandwich", "deep"),
    "norm_bias": (None, True, False),
    "offset": (None, True, False),
    "final": (None, True, False),
    "first": (None, True, False),
    "prediction": (
        *(None, "none", {"activation": "silu"}, {"bias": False}),
        {"kind": "transform", "activation": "tanh"},
    ),
    "eps": (1e-5, 1e-6),
    "tied": ("all", "target", "none"),
    "embedding_norm": (False, True),
    "embedding_width": (None, 4),
    "segments": (None, 2),
    "shared": (True, False),
    "scale": ("sqrt_d_model", "none"),
    "position": (
        "sinusoidal",
        {"kind": "sinusoidal", "layout": "concatenated"},
        {"kind": "sinusoidal", "layout": "tensor2tensor", "offset": 2},
        {"kind": "learned", "max_length": 24},
        {"kind": "learned", "max_length": 24, "offset": 2},
        {"kind": "learned", "max_length": 24, "after_norm": True},
        {"kind": "sinusoidal", "after_norm": True},
        "none",
        "rotary",
        {"kind": "rotary", "base": 100.0, "fraction": 0.5, "layout": "interleaved"},
        {"kind": "rotary", "layout": "interleaved"},
        {"kind": "rotary", "fraction": 0.5},
        {"kind": "rotary", "scaling": {"kind": "linear", "factor": 2.0}},
        {"kind": "rotary", "scaling": {"kind": "llama3", "factor": 4.0, "original_length": 8}},
        {"kind": "rotary", "scaling": {"kind": "yarn", "factor": 4.0, "original_length": 64}},
        {
            "kind": "rotary",
            "scaling": {
                "kind": "yarn",
                "factor": 2.0,
                "original_length": 32,
                "beta_fast": 4.0,
                "truncate": False,
                "attention_factor": 1.0,
            },
        },
        *("alibi", "alibi"),
        {"kind": "relative", "buckets": 4, "max_distance": 5},
        {"kind": "relative", "buckets": 4, "max_distance": 5, "tables": "per_layer"},
    ),
    "kv_heads": (None, 1),
    "attention_output_bias": (None, True, False),
    "attention_scale": (None, 1.0),
    "score_cap": (None, 2.0),
    "query_key_norm": (
        *(None, {"kind": "rms_norm"}, {"kind": "layer_norm", "eps": 1e-5}),
        *({"kind": "rms_norm", "over": "all_heads"}, {"kind": "layer_norm", "over": "all_heads"}),
        *({"place": "after_rotation"}, {"place": "after_rotation", "over": "all_heads"}),
    ),
    "latent": (
        *(None, None, {"keys_and_values": 6, "rotary": 2}),
        {"keys_and_values": 5, "queries": 7, "rotary": 2, "eps": 1e-5},
    ),
    "position_of_decoder": (None, "rotary", "alibi", "sinusoidal"),
    "position_of_layers": (
        *(None, "rotary", "none", {"kind": "relative", "buckets": 8}),
        {"kind": "relative", "buckets": 8, "tables": "per_layer"},
    ),
    "initialization": (
        "xavier",
        {"kind": "xavier", "gain": 0.5},
        "fairseq",
        {"kind": "normal", "std": 0.3},
        {"kind": "scaled", "std": 0.3},
        {"kind": "mup", "base_width": 4, "std": 0.3},
        {"kind": "mup", "base_width": 16, "std": 0.2, "base_d_k": 3},
    ),
    "encoder_mask": (
        *(None, "all", "causal", "window(2)", "window(left=1, right=3)", "block(4)"),
        *("window(1) | first(2)", "dilated(2)", "last(3) | window(0)", "~strided(3) | window(0)"),
    ),
    "decoder_mask": (
        *(None, "causal", "causal & window(2)", "causal & (window(1) | first(2))"),
        *("causal & block(3)", "causal & dilated(2)", "causal & (strided(2) | window(1))"),
        *("window(0)", "causal & (dilated(3) | window(1))"),
    ),
    "cross_mask": (None, "window(3)", "causal | window(2)", "last(2) | first(1)", "dilated(2)"),
    "task": (
        *("translation", "translation", "translation", "language_model", "language_model"),
        *("masked_language_model", "classification", "embedding"),
    ),
    "documents": ("joined", "apart"),
    "pooling": ("first", "mean"),
    "text_pooling": (None, "mean", "first", "last"),
    "vector_width": (None, 12),
    "normalize": (True, False),
    "contrast": (None, {"temperature": 0.1}, {"symmetric": True}),
    "labels": ("files", "columns", "bare columns"),
    "masking": (None, {"share": 0.3}, {"mask": 0.5, "random": 0.5}),
    "sampling": (None, {"temperature": 0.8, "top_k": 3}, {"kind": "sample", "top_p": 0.9}),
    "no_repeat_ngram": (None, None, 1, 3),
    "repetition_penalty": (None, None, 1.3),
    "prefix": (None, None, "w03 w01", ["w02"]),
    "ends": (None, None, ["w03"], ["w01", "w02"]),
    "validation_metric": ("loss", "accuracy"),
    "block": (
        *(None, "no feed-forward", "feed-forward first", "two feed-forwards"),
        *("side by side", "side by side, joint norm"),
    ),
    "distinct": (None, 1, 2),
    "stochastic_depth": RATES,
    "residual": (None, None, {"streams": 2}, {"streams": 3, "dynamic": False}),
    "layer_scale": (None, None, 0.5, 1e-2),
    "feed_forward_scale": (None, 0.5),
    "kernel": ("auto", "flex"),
    "kinds_of_layers": (1, 2),
    "label_smoothing": (0.0, 0.1),
    "z_loss": (0.0, 0.0, 1e-4),
    "schedule": ("inverse_sqrt", "constant", "linear", "cosine", "warmup_stable_decay"),
    "epochs": (None, 3),
    "batch_warmup": (None, None, {"steps": 30}, {"steps": 5, "start": 0.5}),
    "context_warmup": (None, None, {"steps": 30, "start": 8}),
    "minutes": (None, None, 0.5),
    "tokenizer": (
        None,
        "characters",
        {"kind": "segmented", "joiner": "~"},
        {"kind": "tokenizers", "model": "wordpiece"},
        {"kind": "sentencepiece", "model": "char", "normalization": "identity"},
        {"kind": "sentencepiece", "model": "bpe", "dropout": 0.1},
        {"kind": "sentencepiece", "model": "unigram", "sampling": 0.2, "user_symbols": ["<x>"]},
    ),
    "warmup_steps": (0, 4000),
    "peak": (None, 1e-3),
    "start": (0.0, 1e-7),
    "end": (0.0, 1e-6),
    "optimizer": (
        "adam",
        *("adamw", {"kind": "adamw", "weight_decay": 0.0}),
        *("sgd", {"kind": "sgd", "momentum": 0.0}, {"kind": "sgd", "nesterov": True}),
        *("adafactor", {"kind": "adafactor", "weight_decay": 0.001}),
        *("muon", {"kind": "muon", "nesterov": False, "scale": "original", "weight_decay": 0.0}),
        *({"kind": "lion", "weight_decay": 0.1}, "schedule_free"),
    ),
    "ema": (None, 0.99),
    "own_settings": (False, True),
    **attention_variants.KNOBS,
    **mixers.KNOBS,
    **head_masks.KNOBS,
}


class Chooser:
    """Draws values of knobs and counts them. `asked` is a knob with the only value to take."""

    def __init__(self, draw: st.DrawFn, asked: tuple[str, Any] | None = None) -> None:
        self.draw = draw
        self.asked = asked

    def __call__(self, knob: str) -> Any:
        is_asked = self.asked is not None and self.asked[0] == knob
        values = self.asked[1:] if self.asked and is_asked else KNOBS[knob]
        value = self.draw(st.sampled_from(values))
        DRAWN[knob][str(value)] += 1
        return copy.deepcopy(value)  # two places of one mapping would be written as an alias
