"""Whether two packages compute the same, and if not, the first op that does not."""

from dataclasses import dataclass

from runtime.package import Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """An operation of torch, in a module of the network, and the line of model.py that calls it."""

    module: str
    name: str
    line: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first op of both sides that differs: in what it is, or in its values.

    `before` or `after` is None where that side has no more ops. `largest` is the largest difference
    of two numbers of their results, relative to the largest of them; None where shapes or ops
    differ.
    """

    before: Op | None
    after: Op | None
    largest: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourDifference:
    """Of two packages on the same input: equal outputs, or where they begin to differ.

    `shared` of the `parameters` of the second are the first's. `largest` is that of the outputs,
    None where these have other shapes.
    """

    is_equal: bool
    shared: int
    parameters: int
    largest: float | None
    divergence: Divergence | None


def behaviour_difference(a: Package, b: Package) -> BehaviourDifference:
    """What `b` computes against `a`."""
    raise NotImplementedError
