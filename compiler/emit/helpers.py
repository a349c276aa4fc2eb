"""The functions and small classes that a model's file begins with."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from compiler.emit.layout import lay, signature
from compiler.emit.naming import Numbers, collect
from compiler.emit.ordering import ordered
from compiler.emit.template import fill
from compiler.ir.block import Block, walk
from compiler.ir.verify import CompilerBug
from compiler.ops.attention import Attention, CausalAttention, LocalAttention
from compiler.ops.attention_bias import RelativeBias, ScoreBias
from compiler.ops.convolution import Convolution, GatedConvolution
from compiler.ops.decoding import LineageMask
from compiler.ops.embedding import Embed, SegmentEmbed, Unembed
from compiler.ops.expression import Call, Const, Expression, Hyperparameter, Name, call, render
from compiler.ops.linear import Linear
from compiler.ops.op import UNIT, Op
from compiler.ops.positions import LearnedPositions
from compiler.ops.recurrence import BidirectionalRecurrence, Recurrence
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
    "State",
    "LSTMState",
    "GRUState",
    "LastInputs",
    "KeyValueCache",
    "Lineage",
    "RollingCache",
    "DilatedCache",
)
PLAIN = "F.scaled_dot_product_attention"

T = TypeVar("T")


def helper_texts(model: Block, ops: list[Op]) -> Iterator[str]:
    """Those that the ops call, each written for what this model asks of it."""
    linears = [op for op in ops if isinstance(op, Linear)]
    mixers = [op for op in ops if isinstance(op, Recurrence | Convolution)]
    values = {
        **_attention_values(model, [op for op in ops if isinstance(op, Attention)]),
        "bias_varies": any(not op.bias for op in linears),
        "has_biases": any(op.bias for op in linears),
        "linear": _linear_signature(linears),
        "gain": any("gain" in dict(op.initial_arguments()) for op in linears),
        "gains": any("gains" in dict(op.initial_arguments()) for op in linears),
        "initial": _one(op.initial.kind for op in (*linears, *mixers)),
        **_width_values(collect(model)),
        **_table_values(ops),
        **_mixer_values(mixers),
        "partial": any(isinstance(op, Rotate) and op.is_partial for op in ops),
        "newest": any(isinstance(op, ScoreBias) and op.is_step for op in ops),
        "readable": any(_asks_lineage(op) for op in ops),
    }
    for helper in ordered({helper for op in ops for helper in op.helpers()}, HELPERS):
        yield fill(f"helpers/{helper}.py.jinja", **values).rstrip()


def _constants_in(expression: Expression) -> str:
    """The expression with its numbers as constants."""
    return render(expression, _constant_name)


def _constant_name(number: Hyperparameter) -> str:
    return number.name.upper()


def _width_values(numbers: Numbers) -> dict[str, object]:
    """How helpers speak of the residual stream, and what they are told where there are two."""
    has_two = "encoder_d_model" in numbers.constants
    return {
        "d_model": "d_model" if has_two else "D_MODEL",
        "told": "d_model: int, " if has_two else "",
        "also": ", d_model: int" if has_two else "",
    }


def _table_values(ops: list[Op]) -> dict[str, object]:
    """What the helpers that make tables must know: those of tokens, and the others."""
    tokens = [op for op in ops if isinstance(op, Embed | Unembed) and "embedding" in op.helpers()]
    others = [op for op in ops if isinstance(op, SegmentEmbed | LearnedPositions | RelativeBias)]
    width = _one(_written(op.width, op.told) for op in tokens)
    return {
        "table_width": width,
        "table_also": f", {width}: int" if any(op.told for op in tokens) else "",
        "table_deviation": _one(_written(op.initial.scale, op.told) for op in tokens),
        "deviation": _one(_written(op.initial.scale, op.told) for op in others or tokens),
    }


def _written(expression: Expression, told: tuple[Hyperparameter, ...]) -> str:
    """The expression in a helper that is told the width."""
    return render(expression, lambda each: "d_model" if each in told else _constant_name(each))


def _mixer_values(mixers: list[Recurrence | Convolution]) -> dict[str, object]:
    """What the helpers of recurrences and convolutions must know."""
    scale = _one(op.initial.scale for op in mixers) if mixers else UNIT
    both = {f"nn.{op.kind.upper()}" for op in mixers if isinstance(op, BidirectionalRecurrence)}
    return {
        "both": bool(both),
        "recurrent": " | ".join(sorted(both)),
        "scale": "" if scale == UNIT else _constants_in(scale),
        **_gated_values([op for op in mixers if isinstance(op, GatedConvolution)]),
    }


def _gated_values(gated: list[GatedConvolution]) -> dict[str, object]:
    parameters = ["d_model: int"] if any(op.told for op in gated) else []
    parameters.append("width: int")
    if has_gains := any(op.gains for op in gated):
        parameters.append("gains: tuple[float, float] = (1.0, 1.0)")
    head = signature("gated_convolution", parameters, "nn.Conv1d", 0)
    return {"gated_gains": has_gains, "gated_convolution": "\n".join(head)}


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
        "empties": any(not isinstance(op, CausalAttention) for op in inner),
        "first": any(op.bounds.first for op in local),
        "real": _told_of_padding(model),
        "local_dropped": "rate" in local_settings,
        "local_scaled": "scale" in local_settings,
        "local_whole": _local_call("return ", local_settings, 2, Name("query"), *map(Name, _KEYS)),
        "local_mixed": _local_call("mixed = ", local_settings, 1, Name("queries"), *_NEAR),
    }
    return values | {"sdpa": _plain_call(values)}


_KEYS = ("key", "value")
_NEAR = tuple(call("near", Name(each)) for each in _KEYS)


def _local_call(head: str, settings: set[str], depth: int, *inputs: Expression) -> str:
    """The attention of chunks, with what `local_attention` is told and passes on."""
    keywords = [(each, Name(each)) for each in ("rate", "training", "scale") if each in settings]
    told: list[tuple[str, Expression]] = [*keywords]
    if "enable_gqa" in settings and "rate" not in settings:
        told.append(("enable_gqa", Const(True)))
    function = Name("attention" if "rate" in settings else PLAIN)
    whole = Call(function, (*inputs, Name("mask")), tuple(told))
    return "\n".join(lay(head, whole, _constant_name, depth))


def _plain_call(values: dict[str, object]) -> str:
    """The call of torch's own function where that can do it."""
    names = ["query", "key", "value", "mask", "rate"]
    if values["is_causal"]:
        names.append("is_causal")
    keywords: list[tuple[str, Expression]] = []
    if values["scaled"]:
        keywords.append(("scale", Name("scale")))
    if values["grouped"]:
        keywords.append(("enable_gqa", Const(True)))
    whole = Call(Name(PLAIN), tuple(map(Name, names)), tuple(keywords))
    return "\n".join(lay("return ", whole, _constant_name, 2))


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
