"""`attention_weights.py`: what each attention gives to each key."""

import re
from collections.abc import Iterator

from compiler.analysis.infer_shapes import shapes_of
from compiler.emit.body import body_lines
from compiler.emit.layout import docstring, signature
from compiler.emit.naming import Numbers, collect
from compiler.emit.ordering import as_imported
from compiler.emit.predicates import predicates
from compiler.emit.template import fill
from compiler.ir.block import Block, Function, Repeat, walk
from compiler.ops.attention import Attention
from compiler.ops.expression import Hyperparameter, Name
from compiler.ops.op import Op
from compiler.ops.shape import words
from compiler.transforms.derive_weights import attentions, derive_weights

MODULE = Name("module")
HELPERS = ("merge_heads", "split_heads", "split_groups", "rotate_halves", "rotate_pairs")
"""Functions of `model.py` that a program may call."""


def weights_text(model: Block, name: str) -> str:
    """The file: a program for each class of attention, and one that runs them all."""
    numbers, programs = collect(model), derive_weights(model)
    functions = [
        "\n".join(_function(block, function, numbers)) for block, function in programs.values()
    ]
    ops = [each.op for _, function in programs.values() for each in function.body]
    masks = list(predicates(each for each in ops if isinstance(each, Op)))
    code = re.sub(r'""".*?"""', "", "\n".join(functions), flags=re.DOTALL)
    streams = [each.name for each in model.function("features").inputs]
    declared = ["model: Transformer", *(f"{each}: Tensor" for each in streams)]
    return fill(
        "attention_weights.py.jinja",
        **_score_values([op for _, ops in attentions(model).values() for op in ops]),
        streams=streams,
        takes_turns=_takes_turns(model),
        head="\n".join(signature("attention_weights", declared, "dict[str, Tensor]", 0)),
        docstring="\n".join(
            docstring([f"{name}: what each attention reads. Written by specformer."], 0)
        ),
        imported=_imported(code, numbers, tuple(programs)),
        definitions=[*masks, *functions],
        asks=bool(masks),
        has_blocks="as_tensor(" in code,
        programs=[(each, _snake(each)) for each in programs],
    )


def _takes_turns(model: Block) -> bool:
    """Whether a module is applied more than once."""
    parts = (part for _, block in walk(model) for _, part in block.parts)
    return any(isinstance(each, Repeat) and each.distinct for each in parts)


def _score_values(ops: list[Attention]) -> dict[str, object]:
    """What the function of all scores must know of the attentions."""
    scaled = any(op.scale is not None for op in ops)
    capped = any(op.soft_cap is not None for op in ops)
    declared = ["query: Tensor", "key: Tensor", "*masks: Tensor"]
    declared += ["scale: float | None = None"] * scaled + ["soft_cap: float | None = None"] * capped
    return {
        "scaled": scaled,
        "capped": capped,
        "grouped": any(op.is_grouped for op in ops),
        "biased": any(op.biased for op in ops),
        "weights_head": "\n".join(signature("weights", declared, "Tensor", 0)),
    }


def _function(block: Block, function: Function, numbers: Numbers) -> Iterator[str]:
    def name_of(number: Hyperparameter) -> str:
        return numbers.name(number, block, "module.")

    def shown(number: Hyperparameter) -> str:
        return name_of(number).removeprefix("module.")

    declared = [
        f"module: {block.name}",
        *(f"{each.name}: {each.annotation}" for each in function.inputs),
    ]
    yield from signature(_snake(block.name), declared, "tuple[Tensor, Tensor]", 0)
    shapes = shapes_of(block, function)
    given = [f"{e.name} {words(e.shape, shown)}" for e in function.inputs if e.shape]
    weights, values = (words(shapes[each], shown) for each in function.outputs)
    yield from docstring([f"{', '.join(given)} -> weights {weights}, values {values}"], 1)
    yield from body_lines(block, function, name_of, 1, MODULE)


def _imported(code: str, numbers: Numbers, classes: tuple[str, ...]) -> list[str]:
    """What the code uses of `model.py`, in the order that linters want."""
    known = [*(name.upper() for name in numbers.constants), *HELPERS]
    used = [name for name in known if re.search(rf"\b{name}\b", code)]
    return as_imported([*used, *classes, "Transformer"])


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
