"""`model.py`: the network."""

from collections.abc import Iterator

from compiler.emit.classes import class_lines, classes
from compiler.emit.layout import docstring
from compiler.emit.naming import Numbers, collect
from compiler.emit.templates import fill
from compiler.ir.block import Block, Repeat, walk
from compiler.ops.expression import Literal, render
from compiler.ops.linear import Linear
from compiler.ops.op import Initial, Op
from compiler.ops.positions import SinusoidalPositions

HELPERS = (
    "linear",
    "embedding",
    "position_embedding",
    "learned_positions",
    "sinusoidal_positions",
    "real_tokens",
    "split_heads",
    "merge_heads",
    "KeyValueCache",
    "Lineage",
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
    ("@dataclass", "from dataclasses import dataclass"),
    ("cast(", "from typing import cast"),
)


def model_text(model: Block, name: str, summary: str) -> str:
    """The file, top-down: constants, helpers, attention, feed-forward, layers, stacks, model."""
    numbers = collect(model)
    blocks = classes(model)
    definitions = [*_helpers(model), *("\n".join(class_lines(each, numbers)) for each in blocks)]
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
    """Text that cannot leave a docstring."""
    return text.replace("\\", "/").replace('"', "'")


def _imports(code: str) -> str:
    used = [line for mark, line in IMPORTS if mark in code]
    ours = ["import torch", "import torch.nn.functional as F", "from torch import Tensor, nn"]
    return "\n".join([*used, *([""] if used else []), *ours])


def _constants(numbers: Numbers, code: str) -> str:
    lines = [
        f"{name.upper()} = {numbers.constants[name].value!r}"
        for name in CONSTANTS
        if name in numbers.constants and name.upper() in code
    ]
    return "\n".join([*lines, "PADDING = 0"])


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
    used = {helper for op in ops for helper in op.helpers}
    linears = [op for op in ops if isinstance(op, Linear)]
    initials = {op.initial for op in linears}
    values = {
        "bias_varies": any(not op.bias for op in linears),
        "gain": any(each.kind == "xavier" and each.scale != Literal(1.0) for each in initials),
        "initial": next(iter(initials)).kind,
        "deviation": _deviation(model),
        "layout": next((op.layout for op in ops if isinstance(op, SinusoidalPositions)), ""),
    }
    for helper in HELPERS:
        if helper in used:
            yield fill(f"helpers/{helper}.py.jinja", **values).rstrip()


def _deviation(model: Block) -> str:
    """How far embeddings start from zero."""
    initial = next(
        each.initial for op in _ops(model) if "embedding" in op.helpers for each in op.parameters()
    )
    assert isinstance(initial, Initial)
    return render(initial.scale, lambda number: number.name.upper())
