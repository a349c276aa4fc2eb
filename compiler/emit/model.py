"""`model.py`: the network."""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from compiler.emit.classes import class_lines, classes
from compiler.emit.fill import fill
from compiler.emit.layout import docstring, signature
from compiler.emit.naming import Numbers, collect
from compiler.emit.predicates import predicates
from compiler.ir.block import Block, Repeat, walk
from compiler.ir.verify import CompilerBug
from compiler.mask.mask import ALL
from compiler.ops.attention import Attention, CausalAttention, LocalAttention
from compiler.ops.decoding import LineageMask
from compiler.ops.expression import render
from compiler.ops.linear import Linear
from compiler.ops.op import Op
from compiler.ops.positions import SinusoidalPositions

HELPERS = (
    "linear",
    "embedding",
    "position_embedding",
    "learned_positions",
    "sinusoidal_positions",
    "real_tokens",
    "position_mask",
    "end_mask",
    "block_mask",
    "dropout",
    "attention",
    "local_attention",
    "flexible_attention",
    "split_heads",
    "merge_heads",
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
    "heads",
    "d_k",
    "d_v",
    "d_ff",
    "encoder_layers",
    "decoder_layers",
    "residual_additions",
    "max_length",
    "dropout",
    "attention_dropout",
    "activation_dropout",
    "norm_eps",
    "gain",
    "deviation",
)
IMPORTS = (
    ("math.", "import math"),
    ("Callable[", "from collections.abc import Callable"),
    ("@dataclass", "from dataclasses import dataclass"),
    ("@cache", "from functools import cache"),
)
TYPING = {"Any": ": Any = ", "cast": "cast("}


FLEX = "from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention"

_LINEAR = ["inputs: int", "*outputs: int"]
_BIAS, _GAIN = "bias: bool = True", "gain: float = 1.0"
_DEVIATION = "deviation: float = DEVIATION"

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
    tables = [each.initial for op in ops if "embedding" in op.helpers() for each in op.parameters()]
    local = [op for op in ops if isinstance(op, LocalAttention)]
    inner = [op for op in ops if isinstance(op, Attention) and op.dropout is not None]
    options = _linear_options(linears)
    values = {
        "signature": "\n".join(signature("linear", _LINEAR + options, "nn.Linear", 0)),
        "bias_varies": _BIAS in options,
        "gain": _GAIN in options,
        "deviations": _DEVIATION in options,
        "initial": _one(op.initial.kind for op in linears),
        "deviation": render(_one(each.scale for each in tables), lambda each: each.name.upper()),
        "first": any(op.bounds.first for op in local),
        "real": _told_of_padding(model),
        "dropped": any(op.dropout is not None for op in local),
        "empties": any(not isinstance(op, CausalAttention) and op.mask != ALL for op in inner),
        "readable": any(isinstance(op, LineageMask) and op.reads is not None for op in ops),
        "layout": next((op.layout for op in ops if isinstance(op, SinusoidalPositions)), ""),
    }
    for helper in _ordered({helper for op in ops for helper in op.helpers()}, HELPERS):
        yield fill(f"helpers/{helper}.py.jinja", **values).rstrip()


def _linear_options(linears: list[Linear]) -> list[str]:
    """What the helper `linear` must be told beside the widths."""
    told = {name for op in linears for name, _ in op.initial_arguments()}
    options = [_BIAS] if any(not op.bias for op in linears) else []
    return options + [each for each in (_GAIN, _DEVIATION) if each.partition(":")[0] in told]


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
