"""Whether the weights of one model load into another."""

from dataclasses import dataclass
from typing import Literal

from compiler.diff.document import Section
from compiler.pipeline import CompiledPackage

Verdict = Literal["same", "same shapes", "with a map", "partly", "not"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointDifference:
    """What of `a`'s checkpoint loads into `b`.

    `same shapes`: it loads, and the network computes something else with it. `fitting`, `new` and
    `left` are the tensors and slices of `b` that `a` gives, those of `b` that it does not, and
    those of `a` that are not needed, equal ones of several layers as `layers.{0..5}.weight`.
    `taken` of the `parameters` of `b` are given, a `share` from 0 to 1. `map` is the text of an
    import map where one is needed, else empty.
    """

    verdict: Verdict
    fitting: tuple[str, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]
    taken: int
    parameters: int
    share: float
    map: str


def checkpoint_difference(a: CompiledPackage, b: CompiledPackage) -> CheckpointDifference:
    """Whether a checkpoint of `a` loads into `b`."""
    raise NotImplementedError


def checkpoint_section(difference: CheckpointDifference) -> Section:
    """The verdict in a sentence, and what fits and what does not."""
    raise NotImplementedError
