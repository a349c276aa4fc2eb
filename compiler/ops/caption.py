"""The rule of pictures: what an op is called where a network is drawn."""

import re
from dataclasses import dataclass
from typing import Literal

from compiler.ops.expression import Expression, Hyperparameter, render

Kind = Literal[
    "operation",
    "sum",
    "product",
    "norm",
    "attention",
    "mixer",
    "linear",
    "embedding",
    "position",
    "bias",
    "mask",
    "softmax",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A name and a kind, which chooses the form and the colour of a box.

    An op without a title has no box: what reads its result is drawn as reading its inputs. `note`
    says what such an op does to the value that it passes on, such as a factor. `words` are what the
    box of a whole sub-layer tells about the op, and `block` is the title of a sub-layer in which
    positions meet by it. `aside` is told only to those who look closer. The box is a pile of
    `times` sheets. What has no `inputs` is made of position numbers alone: of its inputs it reads
    but the length.
    """

    title: str = ""
    kind: Kind = "operation"
    words: str = ""
    note: str = ""
    aside: str = ""
    block: str = ""
    times: int = 1
    inputs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the steps that an op consists of, for a picture of the op itself.

    `reads` are numbers of the op's inputs, or names of earlier steps. Steps called `mask` hold the
    op's mask.
    """

    name: str
    title: str
    reads: tuple[int | str, ...]
    kind: Kind = "operation"


def spaced(name: str) -> str:
    """Return the words of a class name: `Gated Convolution`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)


def numeral(value: Expression) -> str:
    """Return a number of the spec in few digits, or the formula that it comes from."""
    if isinstance(value, Hyperparameter):
        number = value.value
        return str(number) if isinstance(number, int) else f"{number:.4g}"
    formula = render(value, lambda each: f"{each.value:.4g}")
    return re.sub(r"math\.sqrt\((\d+)\)", r"√\1", formula)


def attention_steps(
    *,
    scale: str,
    soft_cap: str | None,
    is_biased: bool,
    is_masked: bool,
    has_sinks: bool,
    dropout: str | None,
) -> tuple[Step, ...]:
    """Return the steps of scaled dot-product attention (Vaswani et al. 2017, figure 2, left).

    Their inputs are 0, queries, 1, keys, 2, values, and 3, a bias on scores if there is one.
    """
    found = [Step(name="scores", title="MatMul", reads=(0, 1))]

    def add(name: str, title: str, kind: Kind = "operation", *more: int) -> None:
        found.append(Step(name=name, title=title, kind=kind, reads=(found[-1].name, *more)))

    add("scaled", f"Scale {scale}")
    if soft_cap is not None:
        add("capped", f"Soft cap {soft_cap}")
    if is_biased:
        add("bias", "Add bias", "bias", 3)
    if is_masked:
        add("mask", "Mask", "mask")
    if has_sinks:
        add("sinks", "Score for nothing", "bias")
    add("weights", "SoftMax", "softmax")
    if dropout is not None:
        add("dropped", f"Dropout {dropout}")
    add("mixed", "MatMul", "operation", 2)
    return tuple(found)
