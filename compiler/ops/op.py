"""What every op has: the rules from which all that the compiler promises is derived."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, lcm
from typing import ClassVar, Literal

from compiler.mask.mask import ALL, CAUSAL, DIAGONAL, Mask
from compiler.ops.expression import Const, Expression, product
from compiler.ops.shape import Lengths, Shape

UNIT = Const(1.0)


def times(one: Expression, other: Expression) -> Expression:
    """The product, without a factor of 1."""
    factors = [each for each in (one, other) if each != UNIT]
    return product(*factors) if factors else UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Initial:
    """A distribution that parameters start from."""

    kind: Literal["xavier", "normal", "zeros", "ones"]
    scale: Expression = UNIT


ZEROS = Initial(kind="zeros")
ONES = Initial(kind="ones")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A tensor that is trained, of the op's module, or with no name the op's attribute itself.

    `slices` names the rows of a fused projection.
    `gains` are factors on how each slice starts, where they are not all 1.
    """

    name: str
    shape: Shape
    initial: Initial
    decays: bool = True
    slices: tuple[tuple[str, Expression], ...] = ()
    gains: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`flops`: floating-point operations forward; `kept`: elements kept for the backward pass."""

    flops: int = 0
    kept: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(flops=self.flops + other.flops, kept=self.kept + other.kept)

    def times(self, count: int) -> "Cost":
        """The cost of `count` such parts."""
        return Cost(flops=self.flops * count, kept=self.kept * count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A mask as a function of the generated file, of two positions.

    It `reads`: position i reads position j; or it `keeps`: a position from i on may still read j.
    A `label` tells apart the masks of one place, which is `encoder`, `decoder` or `cross`.
    """

    place: str
    label: str = ""
    mask: Mask
    role: Literal["reads", "keeps"] = "reads"

    @property
    def name(self) -> str:
        """The name of the function."""
        return "_".join(filter(None, (self.place, self.label, self.role)))

    @property
    def is_plain(self) -> bool:
        """Whether all that went before is read."""
        return self.mask & CAUSAL == CAUSAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointwise:
    """Step by step, `step` does to the newest position what the op does to all: nothing is kept."""

    step: "Op"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """In decoding the op passes its first input on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsPosition:
    """How many positions went before must be known: one more input of `step`."""

    step: "Op"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsCacheSlots:
    """It says something of pairs of positions: `step` says it of the newest and all before it.

    Its one input is the lineage, which knows what each hypothesis descends from.
    """

    step: "Op"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachesKeyValue:
    """Of the inputs `kept` all positions so far are needed: they go to a cache.

    When a beam continues another's hypothesis the cache stays as it is: `step` reads, as one more
    input, a mask of the slots that each hypothesis descends from; or its own fourth input says it.
    """

    is_told: bool = False
    kept: tuple[int, ...]
    step: "Op"
    cache: "Cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Keys and values as a causal mask needs them: how much is kept, and what of it is read.

    A `label` tells apart the caches of groups of heads.
    """

    reads: Predicate
    label: str = field(default="", compare=False)

    @property
    def is_plain(self) -> bool:
        """Whether all is kept, and all that is kept is read."""
        return self.reads.is_plain

    @property
    def keeps(self) -> Predicate | None:
        """What is still needed, if something is forgotten."""
        needed = self.reads.mask.remembered()
        return None if needed == ALL else replace(self.reads, mask=needed, role="keeps")

    def positions(self, length: int) -> int:
        """How many of so many positions the last ones still need, at most."""
        if self.keeps is None:
            return length
        queries = {i for each in self.keeps.mask.conditions for i in each.fullest(length)}
        reads = self.keeps.mask.predicate
        return max(sum(map(partial(reads, i), range(i + 1))) for i in {length - 1} | queries - {-1})

    @property
    def most(self) -> int | None:
        """The most positions that are ever needed, if there is a bound."""
        if self.keeps is None:
            return None
        terms = self.keeps.mask.terms
        if any(each.low == -inf and each.stop == inf for each in terms):
            return None
        return self.positions(2 * max(self.keeps.mask.numbers, default=0) + 1)

    @property
    def dilation(self) -> int:
        """Every so many-th position is read, where nothing is forgotten."""
        shared = frozenset.intersection(*(term.conditions for term in self.reads.mask.terms))
        step = lcm(*(each.step for each in shared if each.holds))
        return step if self.keeps is None else 1

    @property
    def is_partial(self) -> bool:
        """Whether not all slots are handed out: then it says which."""
        return self.keeps is not None or self.dilation > 1

    @property
    def annotation(self) -> str:
        """The class that holds it."""
        if self.keeps is not None:
            return "RollingCache"
        return "DilatedCache" if self.dilation > 1 else "KeyValueCache"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriesState:
    """The op has a memory of fixed size for each hypothesis, which each step replaces.

    A hypothesis starts from the memory of the one that it continues: `step` reads, as two more
    inputs, the `memory` and the index of the hypothesis that is continued. `prefill` reads several
    positions at once, and the memory as one more input.
    """

    step: "Op"
    prefill: "Op"
    memory: "Memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known of each hypothesis: `annotation` is the class that holds it."""

    annotation: str


State = Pointwise | Identity | NeedsPosition | NeedsCacheSlots | CachesKeyValue | CarriesState


@dataclass(frozen=True, slots=True, kw_only=True)
class Op(ABC):
    """One operation of the network. A subclass is its rules.

    `unpacks` says that the code gives a list of results even where there is one.
    """

    unpacks: ClassVar[bool] = False

    @abstractmethod
    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """The shapes of the results; raises `ShapeError` for inputs that do not fit."""

    @abstractmethod
    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        """The Python that does it. `this` is the op's module if it has parameters, else `self`."""

    def helpers(self) -> tuple[str, ...]:
        """The functions of the generated file that the code calls, and those that these call."""
        return ()

    def parameters(self) -> tuple[Parameter, ...]:
        """What is trained."""
        return ()

    def module(self) -> Expression:
        """The Python that makes the module holding the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no parameters")

    def reach(self, inputs: int) -> tuple[Mask | None, ...]:
        """Which positions of each input a result's position depends on; None for none at all."""
        return (DIAGONAL,) * inputs

    def predicates(self) -> tuple[Predicate, ...]:
        """The masks that the code asks, as functions of the generated file."""
        return ()

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:  # noqa: ARG002
        """Work and memory for inputs of these shapes."""
        return Cost()

    def remembered(self, inputs: tuple[Shape, ...]) -> int:  # noqa: ARG002
        """How many numbers of one hypothesis an op in a step keeps for the next one.

        Of an op that adds to a cache, those of the newest position.
        """
        return 0

    def in_evaluation(self) -> "Op":
        """The op without its dropout, as decoding applies it to several positions at once."""
        return self

    def state(self, decoded: tuple[bool, ...]) -> State:  # noqa: ARG002
        """What must be kept to go on one position later, where `decoded` inputs grow by one."""
        return Pointwise(step=self)
