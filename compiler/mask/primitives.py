"""The words of which masks are written, each with what is said about it in docs/masks.md."""

from collections.abc import Callable
from dataclasses import dataclass

from compiler.mask.condition import Arguments, Block, Condition, Dilated, Last, Strided
from compiler.mask.mask import ALL, CAUSAL, Mask, condition, first, window


@dataclass(frozen=True, slots=True)
class Example:
    """A primitive with numbers, its definition, and the positions that a query reads, in words."""

    text: str
    definition: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Primitive:
    """A word of the algebra: `read` makes its mask from what stands behind the name."""

    read: Callable[[Arguments], Mask]
    examples: tuple[Example, ...]


def primitive(kind: type[Condition]) -> Primitive:
    """Return the primitive that is a condition."""
    shown = kind(kind.example)
    example = Example(shown.text, shown.code(), kind.meaning)
    return Primitive(lambda arguments: condition(kind.read(arguments)), (example,))


PRIMITIVES: dict[str, Primitive] = {
    "all": Primitive(lambda _: ALL, (Example("all", "True", "every position"),)),
    "causal": Primitive(
        lambda _: CAUSAL, (Example("causal", "j <= i", "itself and those before it"),)
    ),
    "window": Primitive(
        lambda arguments: window(*arguments.sides()),
        (
            Example("window(2)", "abs(i - j) <= 2", "itself and n on each side"),
            Example("window(left=3, right=1)", "-3 <= j - i <= 1", "l before it and r after it"),
        ),
    ),
    **{each.name: primitive(each) for each in (Block, Dilated, Strided)},
    "first": Primitive(
        lambda arguments: first(arguments.number(least=1)),
        (Example("first(2)", "j < 2", "the first n of the stream"),),
    ),
    Last.name: primitive(Last),
}
"""The primitives under their names."""
