"""`model.py`: the network."""

import re
from collections.abc import Iterator

from compiler.emit.classes import class_lines, classes
from compiler.emit.helpers import helper_texts
from compiler.emit.layout import docstring
from compiler.emit.naming import Numbers, collect
from compiler.emit.ordering import ordered
from compiler.emit.predicates import predicates
from compiler.emit.template import fill
from compiler.ir.block import Block, Repeat, walk
from compiler.ops.op import Op

CONSTANTS = (
    "vocabulary",
    "source_vocabulary",
    "target_vocabulary",
    "encoder_d_model",
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
    ("@dataclass", "from dataclasses import dataclass"),
    ("@cache", "from functools import cache"),
    ("islice(", "from itertools import cycle, islice"),
)
ABC = {"Callable": "Callable[", "Iterator": "Iterator["}
TYPING = {"Any": "[Any]"}


FLEX = "from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention"


def model_text(model: Block, name: str, summary: str) -> str:
    """The file, top-down: constants, helpers, attention, feed-forward, layers, stacks, model."""
    numbers = collect(model)
    blocks, ops = classes(model), list(_ops(model))
    definitions = [
        *predicates(ops),
        *helper_texts(model, ops),
        *_lists(model),
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


def _lists(model: Block) -> Iterator[str]:
    """Yield the class of lists of layers that have more functions than `forward`."""
    parts = (part for _, block in walk(model) for _, part in block.parts)
    if any(isinstance(part, Repeat) and part.block.has("step") for part in parts):
        yield fill("helpers/Layers.py.jinja").rstrip()


def _plain(text: str) -> str:
    """Text that cannot leave a docstring, nor end it early."""
    return text.replace("\\", "/").replace('"' * 3, "'").rstrip('"')


def _imports(code: str) -> str:
    used = [line for mark, line in IMPORTS if mark in code]
    for module, names in {"collections.abc": ABC, "typing": TYPING}.items():
        if found := [name for name, mark in names.items() if mark in code]:
            used.append(f"from {module} import {', '.join(found)}")
    used.sort(key=lambda line: (line.startswith("from"), line))
    ours = ["import torch", "import torch.nn.functional as F", "from torch import Tensor, nn"]
    if "BlockMask" in code:
        ours.append(FLEX)
    return "\n".join([*used, *([""] if used else []), *ours])


def _constants(numbers: Numbers, code: str) -> str:
    used = [name for name in numbers.constants if re.search(rf"\b{name.upper()}\b", code)]
    lines = [
        f"{name.upper()} = {numbers.constants[name].value!r}" for name in ordered(used, CONSTANTS)
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
