"""`model.py`: the network."""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from compiler.emit.classes import class_lines, classes
from compiler.emit.fill import fill
from compiler.emit.layout import docstring, lay, signature
from compiler.emit.naming import Numbers, collect
from compiler.emit.predicates import predicates
from compiler.ir.block import Block, Repeat, walk
from compiler.ir.verify import CompilerBug
from compiler.mask.mask import ALL
from compiler.ops.attention import Attention, CausalAttention, LocalAttention
from compiler.ops.convolution import Convolution, GatedConvolution
from compiler.ops.decoding import LineageMask
from compiler.ops.distance import ScoreBias
from compiler.ops.embedding import Table
from compiler.ops.expression import Call, Expression, Literal, Name, render
from compiler.ops.linear import Linear
from compiler.ops.op import UNIT, Op
from compiler.ops.recurrence import BothRecurrences, Recurrence
from compiler.ops.rotary import Rotate

HELPERS = (
    "linear",
    "embedding",
    "segment_embedding",
    "position_embedding",
    "learned_positions",
    "sinusoidal_positions",
    "sinusoidal_halves",
    "tensor2tensor_positions",
    "real_tokens",
    "position_mask",
    "end_mask",
    "block_mask",
    "places",
    "alibi_slopes",
    "alibi_bias",
    "distance_embedding",
    "distance_bucket",
    "relative_bias",
    "backward_bias",
    "masked_bias",
    "rotary_angles",
    "stretched_angles",
    "rotate_halves",
    "rotate_pairs",
    "mean_of_real",
    "lstm",
    "gru",
    "both_directions",
    "gated_convolution",
    "depthwise_convolution",
    "causal_convolution",
    "centred_convolution",
    "dropout",
    "stochastic_depth",
    "OffsetRMSNorm",
    "attention",
    "local_attention",
    "flexible_attention",
    "split_heads",
    "split_groups",
    "merge_heads",
    "choose_expert",
    "choose_experts",
    "mixture",
    "Balance",
    "balance_loss",
    "of_parents",
    "LSTMState",
    "GRUState",
    "LastInputs",
    "KeyValueCache",
    "Lineage",
    "RollingCache",
    "DilatedCache",
)
CONSTANTS = (
    "vocabulary",
    "source_vocabulary",
    "target_vocabulary",
    "d_model",
    "embedding_width",
    "segment_rows",
    "heads",
    "kv_heads",
    "d_k",
    "d_v",
    "d_hidden",
    "convolution_width",
    "d_ff",
    "expert_count",
    "active_experts",
    "balance_loss",
    "encoder_layers",
    "encoder_distinct_layers",
    "decoder_layers",
    "decoder_distinct_layers",
    "classes",
    "residual_additions",
    "max_length",
    "position_offset",
    "rotary_width",
    "rotary_base",
    "stretch_factor",
    "original_length",
    "buckets",
    "max_distance",
    "attention_scale",
    "score_cap",
    "dropout",
    "attention_dropout",
    "activation_dropout",
    "stochastic_depth",
    "classifier_dropout",
    "norm_eps",
    "output_scale",
    "soft_cap",
    "alpha",
    "beta",
    "gain",
    "deviation",
)
IMPORTS = (
    ("math.", "import math"),
    ("Callable[", "from collections.abc import Callable"),
    ("@dataclass", "from dataclasses import dataclass"),
    ("@cache", "from functools import cache"),
    ("islice(", "from itertools import cycle, islice"),
)
PLAIN = "F.scaled_dot_product_attention"
TYPING = {"Any": ": Any = ", "cast": "cast("}


FLEX = "from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention"

T = TypeVar("T")


def model_text(model: Block, name: str, summary: str) -> str:
    """The file, top-down: constants, helpers, attention, feed-forward, layers, stacks, model."""
    numbers = collect(model)
    blocks = classes(model)
    definitions = [
        *predicates(_ops(model)),
        *_helpers(model),
        *("\n".join(class_lines(each, numbers)) for each in blocks),
    ]
    code = "\n".join(definitions)
    head = f"{name}: {summary.rstrip('.')}." if summary else f"{name}: a Transformer."
    written = "Written by specformer from a spec. It needs the standard library and torch."
    return fill(
        "model.py.jinja",
        docstring="\n".join(docstring([_plain(head), written], 0)),
        imports=_imports(code),
        constants=_constants(numbers, code),
        definitions=definitions,
    )


def _plain(text: str) -> str:
    """Text that cannot leave a docstring, nor end it early."""
    return text.replace("\\", "/").replace('"' * 3, "'").rstrip('"')


def _imports(code: str) -> str:
    used = [line for mark, line in IMPORTS if mark in code]
    typing = [name for name, mark in TYPING.items() if mark in code]
    if typing:
        used.append(f"from typing import {', '.join(typing)}")
    ours = ["import torch", "import torch.nn.functional as F", "from torch import Tensor, nn"]
    if "BlockMask" in code:
        ours.append(FLEX)
    return "\n".join([*used, *([""] if used else []), *ours])


def _constants(numbers: Numbers, code: str) -> str:
    used = [name for name in numbers.constants if re.search(rf"\b{name.upper()}\b", code)]
    lines = [
        f"{name.upper()} = {numbers.constants[name].value!r}" for name in _ordered(used, CONSTANTS)
    ]
    return "\n".join([*lines, "PADDING = 0"])


def _ordered(names: Iterable[str], usual: tuple[str, ...]) -> list[str]:
    """In the usual order; names that have no place there come last, by the alphabet."""
    places = {name: place for place, name in enumerate(usual)}
    return sorted(names, key=lambda name: (places.get(name, len(usual)), name))


def _ops(model: Block) -> Iterator[Op]:
    for _, block in walk(model):
        for _, part in block.parts:
            if not isinstance(part, Repeat | Block):
                yield part
        for function in block.functions:
            for statement in function.body:
                if isinstance(statement.op, Op):
                    yield statement.op


def _helpers(model: Block) -> Iterator[str]:
    ops = list(_ops(model))
    linears = [op for op in ops if isinstance(op, Linear)]
    mixers = [op for op in ops if isinstance(op, Recurrence | Convolution)]
    tables = [op for op in ops if isinstance(op, Table)]
    values = {
        **_attention_values(model, [op for op in ops if isinstance(op, Attention)]),
        "bias_varies": any(not op.bias for op in linears),
        "has_biases": any(op.bias for op in linears),
        "linear": _linear_signature(linears),
        "table_width": _one(op.width.name for op in tables if "embedding" in op.helpers()).upper(),
        "gain": any("gain" in dict(op.initial_arguments()) for op in linears),
        "gains": any("gains" in dict(op.initial_arguments()) for op in linears),
        "initial": _one(op.initial.kind for op in (*linears, *mixers)),
        **_mixer_values(mixers),
        "deviation": render(
            _one(op.initial.scale for op in tables), lambda each: each.name.upper()
        ),
        "partial": any(isinstance(op, Rotate) and op.width.name != "d_k" for op in ops),
        "newest": any(isinstance(op, ScoreBias) and op.is_step for op in ops),
        "readable": any(_asks_lineage(op) for op in ops),
    }
    for helper in _ordered({helper for op in ops for helper in op.helpers()}, HELPERS):
        yield fill(f"helpers/{helper}.py.jinja", **values).rstrip()


def _mixer_values(mixers: list[Recurrence | Convolution]) -> dict[str, object]:
    """What the helpers of recurrences and convolutions must know."""
    scale = _one(op.initial.scale for op in mixers) if mixers else UNIT
    both = {f"nn.{op.kind.upper()}" for op in mixers if isinstance(op, BothRecurrences)}
    return {
        "both": bool(both),
        "recurrent": " | ".join(sorted(both)),
        "scale": "" if scale == UNIT else render(scale, lambda each: each.name.upper()),
        "gated_gains": any(isinstance(op, GatedConvolution) and op.gains for op in mixers),
    }


def _asks_lineage(op: Op) -> bool:
    """Whether a step asks which slots a mask allows."""
    if isinstance(op, LineageMask):
        return op.reads is not None
    return isinstance(op, ScoreBias) and op.is_step and op.is_selective


def _attention_values(model: Block, ops: list[Attention]) -> dict[str, object]:
    """What the helpers of attention must know of all that call them."""
    inner = [op for op in ops if op.is_explicit]
    local = [op for op in ops if isinstance(op, LocalAttention)]
    local_settings = {name for op in local for name, _ in Attention.settings(op, Name("self"))}
    called = [*inner, *(local if "rate" in local_settings else ())]
    values = {
        "all_dropped": all(op.dropout is not None for op in inner),
        "capped": any(op.soft_cap is not None for op in inner),
        "all_capped": all(op.soft_cap is not None for op in inner),
        "scaled": any(op.scale is not None for op in called),
        "grouped": any(op.is_grouped for op in called),
        "biased": any(op.biased for op in inner),
        "is_causal": any(isinstance(op, CausalAttention) for op in inner),
        "dropped": any(op.dropout is not None for op in inner),
        "empties": any(not isinstance(op, CausalAttention) and op.mask != ALL for op in inner),
        "first": any(op.bounds.first for op in local),
        "real": _told_of_padding(model),
        "local_dropped": "rate" in local_settings,
        "local_scaled": "scale" in local_settings,
        "local_told": "".join(f", {each}" for each in _passed_on(local_settings)),
        "local_attend": "attention"
        if "rate" in local_settings
        else "F.scaled_dot_product_attention",
    }
    return values | {"sdpa": _plain_call(values)}


def _passed_on(settings: set[str]) -> Iterator[str]:
    for name in ("rate", "training", "scale"):
        if name in settings:
            yield f"{name}={name}"
    if "enable_gqa" in settings and "rate" not in settings:
        yield "enable_gqa=True"


def _plain_call(values: dict[str, object]) -> str:
    """The call of torch's own function where that can do it."""
    names = ["query", "key", "value", "mask", "rate"]
    if values["is_causal"]:
        names.append("is_causal")
    keywords: list[tuple[str, Expression]] = []
    if values["scaled"]:
        keywords.append(("scale", Name("scale")))
    if values["grouped"]:
        keywords.append(("enable_gqa", Literal(True)))
    call = Call(Name(PLAIN), tuple(map(Name, names)), tuple(keywords))
    return "\n".join(lay("return ", call, lambda each: each.name, 2))


def _linear_signature(linears: list[Linear]) -> str:
    """With the parameters that some call gives."""
    given = {name for op in linears for name, _ in op.initial_arguments()}
    parameters = ["inputs: int", "*outputs: int"]
    if any(not op.bias for op in linears):
        parameters.append("bias: bool = True" if any(op.bias for op in linears) else "bias: bool")
    if "gain" in given:
        parameters.append("gain: float = 1.0")
    if "gains" in given:
        parameters.append("gains: tuple[float, ...] = ()")
    return "\n".join(signature("linear", parameters, "nn.Linear", 0))


def _told_of_padding(model: Block) -> bool:
    """Whether some local attention reads ahead, and so must be told where the text ends."""
    return any(
        isinstance(statement.op, LocalAttention) and len(statement.inputs) > 3
        for _, block in walk(model)
        for function in block.functions
        for statement in function.body
    )


def _one(values: Iterable[T]) -> T:
    """The value that all have: a helper is written for one way to start."""
    first, *others = set(values)
    if others:
        raise CompilerBug(
            f"compiler bug in emit, please report: {first} and {others} in one helper"
        )
    return first
