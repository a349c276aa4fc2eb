"""The rules of an op: all that the compiler promises is derived from them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, lcm
from typing import ClassVar, Literal

from compiler.mask.mask import ALL, CAUSAL, DIAGONAL, Mask
from compiler.ops.caption import Caption, Step, spaced
from compiler.ops.expression import Expression
from compiler.ops.parameter import Parameter
from compiler.ops.shape import Lengths, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`flops`: operations of the forward pass; `saved_for_backward`: elements kept by autograd."""

    flops: int = 0
    saved_for_backward: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        saved = self.saved_for_backward + other.saved_for_backward
        return Cost(flops=self.flops + other.flops, saved_for_backward=saved)

    def times(self, count: int) -> "Cost":
        """The cost of `count` such parts."""
        saved = self.saved_for_backward * count
        return Cost(flops=self.flops * count, saved_for_backward=saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """The terms of Table 1 (Vaswani et al. 2017), for n (and m) positions of width d.

    `per_layer` is the work of a layer; `sequential`, the operations that wait for each other.
    """

    per_layer: str
    sequential: str = "1"


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
        """Return whether each position reads itself and all earlier ones."""
        return self.mask & CAUSAL == CAUSAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointwise:
    """In decoding, `step` treats the newest position as the op treats each; nothing is kept."""

    step: "Op"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """In decoding the op passes its first input on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsPosition:
    """In decoding, `step` has one more input: the number of earlier positions."""

    step: "Op"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsCacheSlots:
    """The op describes pairs of positions; `step`, the newest one and all slots of the cache.

    The inputs of `step` are the ancestry of the beams, and after it those inputs of the op that
    have the numbers `reads`.
    """

    step: "Op"
    reads: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CachesKeyValue:
    """The op needs all positions so far of the inputs number `cached`: they go to a cache.

    When a beam continues another's hypothesis the cache stays as it is: `step` reads, as one more
    input, a mask of the slots that each hypothesis descends from. If `has_mask`, the op's fourth
    input is that mask.
    """

    has_mask: bool = False
    cached: tuple[int, ...]
    step: "Op"
    cache: "Cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expands:
    """The op makes keys and values of inputs that are smaller, and a cache keeps these instead.

    In decoding it is not applied to what is cached: `attention_to_inputs(attention)` is the op that
    reads its inputs, of which the first two are cached, as `attention` reads its results.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Keys and values as a causal mask needs them: how much is kept, and what of it is read.

    A `label` tells apart the caches of groups of heads.
    """

    reads: Predicate
    label: str = field(default="", compare=False)

    @property
    def is_plain(self) -> bool:
        """Return whether all is kept, and all that is kept is read."""
        return self.reads.is_plain

    @property
    def keeps(self) -> Predicate | None:
        """Return the predicate of positions that are still needed, if some can be forgotten."""
        needed = self.reads.mask.still_needed()
        return None if needed == ALL else replace(self.reads, mask=needed, role="keeps")

    def positions(self, length: int) -> int:
        """Return how many of `length` positions the last ones still need, at most."""
        if self.keeps is None:
            return length
        queries = {i for each in self.keeps.mask.conditions for i in each.fullest(length)}
        reads = self.keeps.mask.predicate
        return max(sum(map(partial(reads, i), range(i + 1))) for i in {length - 1} | queries - {-1})

    @property
    def most(self) -> int | None:
        """Return the bound of the positions that are ever needed, if there is one."""
        if self.keeps is None:
            return None
        terms = self.keeps.mask.terms
        if any(each.low == -inf and each.stop == inf for each in terms):
            return None
        return self.positions(2 * max(self.keeps.mask.numbers, default=0) + 1)

    @property
    def dilation(self) -> int:
        """Return the distance between positions that are read, where nothing is forgotten."""
        shared = frozenset.intersection(*(term.conditions for term in self.reads.mask.terms))
        step = lcm(*(each.step for each in shared if each.holds))
        return step if self.keeps is None else 1

    @property
    def is_partial(self) -> bool:
        """Return whether the cache hands out some slots only, and says which."""
        return self.keeps is not None or self.dilation > 1

    @property
    def annotation(self) -> str:
        """Return the name of the class that holds it."""
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
    """A state of fixed size for each hypothesis: `annotation` is the class that holds it.

    `name` is its field in the state of its block, and `arguments` are what makes an empty one.
    """

    annotation: str
    name: str = "memory"
    arguments: tuple[Expression, ...] = ()


State = (
    Pointwise | Identity | NeedsPosition | NeedsCacheSlots | CachesKeyValue | CarriesState | Expands
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedForm:
    """The op for packed sentences, which stand one after the other without padding.

    `op` reads those of the inputs that have the numbers `inputs`, and after them, for each number
    of an input in `streams`, the packed sentences whose places that input has.
    """

    op: "Op"
    inputs: tuple[int, ...]
    streams: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpackable:
    """The op has no form for packed sentences. `reason` is a clause that says why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Untraceable:
    """No graph of the op serves texts of any length. `reason` is a clause that says why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A tensor that a cache or a memory holds between steps, in its attribute `name`.

    Before the first step, all its numbers are `initial`, and it has one hypothesis and no slots. A
    `place` is its index, where the attribute is a tuple.
    """

    name: str
    shape: Shape
    initial: float | int | bool = 0.0
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Op(ABC):
    """One operation of the network; the methods of a subclass are its rules.

    `returns_list` says that the code returns a list of results even where there is one.
    `annotation` is the type of each result. `is_inline` says that the code is written where the
    result is read. `chosen_by` are the keys of the spec that decide whether the op is there and
    what its code calls, besides its numbers, and `made_by` those that decide how its module is
    made: of each key, that of the closest section that has it.
    """

    annotation: ClassVar[str] = "Tensor"
    returns_list: ClassVar[bool] = False
    is_inline: ClassVar[bool] = False
    chosen_by: ClassVar[tuple[str, ...]] = ()
    made_by: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Return the shapes of the results; raises `ShapeError` for inputs that do not fit."""

    @abstractmethod
    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        """Return the Python code. `this` is the op's module if it has parameters, else `self`."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Return the tensors that are trained."""
        return ()

    def module(self) -> Expression:
        """Return the Python code that makes the module holding the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no parameters")

    def dependence(self, inputs: int) -> tuple[Mask | None, ...]:
        """Return, for each input, the positions that a result's position depends on, or None."""
        return (DIAGONAL,) * inputs

    @property
    def mask(self) -> Mask | None:
        """Return the mask by which positions read others, of an op that lets them meet."""
        return None

    @property
    def caption(self) -> Caption:
        """Return what the op is called in pictures."""
        return Caption(title=spaced(type(self).__name__))

    def steps(self) -> tuple[Step, ...]:
        """Return the steps that a picture of the op itself shows; none if it has no such form."""
        return ()

    @property
    def is_of_layers(self) -> bool:
        """Return whether each layer has the op for itself, though it reads tokens alone."""
        return False

    @property
    def is_identity(self) -> bool:
        """Return whether the op never changes its first input, such as dropout at rate 0."""
        return False

    def complexity(self, *, is_self: bool) -> Complexity | None:
        """Return how an op with a mask grows with the positions, of one stream or of two."""
        return None

    def explain_leak(self, mask: Mask) -> tuple[str, str]:
        """Return what lets a position read later ones by a mask, and how a spec forbids it."""
        text = mask.text
        inner = f"({text})" if " | " in text else text
        wanted = "causal" if text == "all" else f"causal & {inner}"
        return f"mask `{text}`", f"write `mask: {wanted}`, or leave `mask` out"

    def boundaries(self) -> tuple[int, ...]:
        """Return distances from which the code treats positions differently, to be tested."""
        return ()

    def reference(self, inputs: tuple[str, ...]) -> tuple["Op", tuple[str, ...]]:
        """Return the op and inputs in the form by which networks are compared, kernels aside."""
        return self, inputs

    def predicates(self) -> tuple[Predicate, ...]:
        """Return the masks that the code calls, as functions of the generated file."""
        return ()

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        """Return work and memory for inputs of these shapes."""
        return Cost()

    def state_size(self, inputs: tuple[Shape, ...]) -> int:
        """Return how many numbers of one hypothesis an op in a step keeps for the next one.

        An op that appends to a cache counts those of the newest position.
        """
        return 0

    def stored(self, inputs: tuple[Shape, ...]) -> tuple[Stored, ...]:
        """Return the tensors that an op in a step keeps in its cache or memory."""
        return ()

    def appended_cache(self) -> Cache | None:
        """Return the cache for each of whose positions the state is kept, if the op has one."""
        return None

    def attention_to_inputs(self, attention: "Op") -> "Op":
        """Return the attention to the inputs of an op that expands them (`Expands`)."""
        raise NotImplementedError(f"{type(self).__name__} expands nothing")

    def in_evaluation(self) -> "Op":
        """Return the op without dropout, as decoding applies it to several positions at once."""
        return self

    def state(self, decoded: tuple[bool, ...]) -> State:
        """Return the rule of incremental decoding, where `decoded` inputs grow by one a step."""
        return Pointwise(step=self)

    def packed(self, inputs: int) -> PackedForm | Unpackable:
        """Return the rule of packed sentences; an op by which no positions meet stays as it is."""
        if all(mask in (None, DIAGONAL) for mask in self.dependence(inputs)):
            return PackedForm(op=self, inputs=tuple(range(inputs)))
        return Unpackable(reason=f"{type(self).__name__} would read across sentences")

    def traceable(self) -> "Op | Untraceable":
        """Return the form of the op in graphs that are recorded once for texts of any length.

        Such a form has no branch on a length, and no loop over what a tensor holds.
        """
        return self
