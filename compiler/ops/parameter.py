"""Trained tensors of an op, and the distributions that they start from."""

from dataclasses import dataclass
from typing import Literal

from compiler.ops.expression import Binary, Const, Expression, Tuple, product
from compiler.ops.shape import Shape, size

UNIT = Const(1.0)


def times(one: Expression, other: Expression) -> Expression:
    """The product, without a factor of 1."""
    factors = [each for each in (one, other) if each != UNIT]
    return product(*factors) if factors else UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Initial:
    """A distribution that parameters start from; `constant` is one number, the scale.

    An `indicator` is 1 at the index that its scale is, and 0 elsewhere; an `identity` has the rows
    of the matrix one after the other. `log_counts` are the logarithms of 1, 2, 3 ...; of
    `log_steps` the softplus is drawn from 0.001 to 0.1, uniformly on a logarithmic scale (Gu and
    Dao 2023, section 3.6).
    """

    kind: Literal[
        "xavier",
        "normal",
        "zeros",
        "ones",
        "constant",
        "identity",
        "indicator",
        "log_counts",
        "log_steps",
    ]
    scale: Expression = UNIT

    def arguments(self, gains: tuple[Expression, ...] = ()) -> tuple[tuple[str, Expression], ...]:
        """Return the keywords that tell a helper how a matrix starts.

        `std` is the deviation of a normal distribution, without which a matrix is Xavier-uniform.
        `gains` are factors on its slices: `gain`, where all are equal.
        """
        is_normal = self.kind == "normal"
        common = UNIT if is_normal else self.scale
        first, *others = factors = tuple(times(common, each) for each in gains or (UNIT,))
        if any(each != first for each in others):
            std = (("std", self.scale),) if is_normal else ()
            return (*std, ("gains", Tuple(factors)))
        if is_normal:
            return (("std", times(first, self.scale)),)
        return () if first == UNIT else (("gain", first),)


def by_width(width: Expression) -> Initial:
    """Return the paper's distribution of embeddings: normal with deviation width^-0.5."""
    return Initial(kind="normal", scale=Binary(width, "**", Const(-0.5)))


ZEROS = Initial(kind="zeros")
ONES = Initial(kind="ones")
LOG_COUNTS = Initial(kind="log_counts")
LOG_STEPS = Initial(kind="log_steps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A trained tensor of the op's module; without a name, the op's attribute is the tensor itself.

    `slices` names the rows of a fused projection.
    `gains` are factors on how each slice starts, where they are not all 1.
    `is_hidden_matrix` says that it, or each of its slices, maps one hidden vector to another: it
    is no table, no kernel of a convolution and no output layer.
    """

    name: str
    shape: Shape
    initial: Initial
    decays: bool = True
    slices: tuple[tuple[str, Expression], ...] = ()
    gains: tuple[Expression, ...] = ()
    is_hidden_matrix: bool = False

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of each slice, of a parameter without slices those of all of it."""
        widths: Shape = tuple(width for _, width in self.slices) or self.shape[:1]
        return tuple(size(each, {}) for each in widths)
