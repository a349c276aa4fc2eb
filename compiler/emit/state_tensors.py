"""Code that takes a state of decoding apart into tensors, and puts it together again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from compiler.emit.layout import NameOf, lay, lay_loop
from compiler.ops.expression import (
    Attribute,
    Call,
    Comprehension,
    Const,
    Expression,
    Hyperparameter,
    List,
    Name,
    Slice,
    Starred,
    Subscript,
    Tuple,
    call,
    method,
)
from compiler.ops.op import Stored
from compiler.ops.shape import BATCH, BEAM, Dimension, Free, Shape
from compiler.transforms.derive_functional import (
    Constant,
    Holder,
    LayerStates,
    Record,
    StateTree,
)

Tensors = Callable[[StateTree, Expression], Iterator[Expression]]
"""A part of a state, and the code that it is, -> the code of its tensors."""
STATE, EACH = Name("state"), Name("each")
PARENTS = "parents"
"""The name of the dimension of hypotheses in a state: those that a step continues."""
GROWING = {
    "BeamAncestry": "GrowingAncestry",
    "KeyValueCache": "GrowingCache",
    "RollingCache": "GrowingRollingCache",
    "DilatedCache": "GrowingDilatedCache",
}
"""The helper classes that stand for those whose sizes are no functions of the inputs' sizes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTensor:
    """A tensor of a state, its `path` in it, and whether a step changes it."""

    path: str
    shape: Shape
    is_changed: bool

    @property
    def dynamic(self) -> dict[int, str]:
        """The names of the dimensions whose sizes the spec does not give, by their places."""
        return {
            place: PARENTS if each == BEAM else each.name
            for place, each in enumerate(self.shape)
            if isinstance(each, Free)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCode:
    """Writes what a file does with a state.

    `has_positions` tells whether the ancestry knows the position of each slot.
    """

    tree: StateTree
    has_positions: bool
    name_of: NameOf

    def tensors(self) -> list[StateTensor]:
        """Return all tensors, in the order of the file."""
        return list(self._tensors(self.tree, ()))

    def _tensors(self, tree: StateTree, path: tuple[str, ...]) -> Iterator[StateTensor]:
        match tree:
            case Constant(shape=shape):
                yield StateTensor(path=".".join(path), shape=shape, is_changed=False)
            case Holder():
                for each in self._stored(tree):
                    place = "" if each.place is None else f".{each.place}"
                    own = ".".join((*path, each.name + place))
                    yield StateTensor(path=own, shape=each.shape, is_changed=True)
            case Record(fields=fields):
                for name, below in fields:
                    yield from self._tensors(below, (*path, name))
            case LayerStates():
                for first, count, below in _segments(tree):
                    for number in range(first, first + int(count.value)):
                        yield from self._tensors(below, (*path, str(number)))

    def _stored(self, holder: Holder) -> Iterator[Stored]:
        """Yield the tensors of a cache, a memory or the ancestry, if it knows their positions."""
        is_known = holder.name != "BeamAncestry" or self.has_positions
        return (each for each in holder.tensors if is_known or each.name != "positions")

    @property
    def annotation(self) -> str:
        """The class of the state."""
        assert isinstance(self.tree, Record)
        return self.tree.name

    @property
    def has_ancestry(self) -> bool:
        """Return whether hypotheses are told apart by the slots of caches."""
        assert isinstance(self.tree, Record)
        return any(getattr(each, "name", "") == "BeamAncestry" for _, each in self.tree.fields)

    def classes(self) -> Iterator[str]:
        """Yield the names of the dataclasses that the state is made of."""
        return (each.name for each in _walk(self.tree) if isinstance(each, Record))

    def expressions(self, tokens: str) -> list[Expression]:
        """Return the code that names helpers and constants; `tokens` as in `initial_lines`."""
        holders = (each for each in _walk(self.tree) if isinstance(each, Holder))
        stored = (_filled(each, Name(tokens)) for one in holders for each in self._stored(one))
        return [self.assembled(), *stored]

    def assembled(self) -> Expression:
        """Return the state whose tensors an iterator `each` yields."""
        return self._assembled(self.tree)

    def _assembled(self, tree: StateTree) -> Expression:
        match tree:
            case Constant():
                return call("next", EACH)
            case Holder():
                return self._held(tree)
            case Record(name=name, fields=fields):
                given = tuple((field, self._assembled(below)) for field, below in fields)
                if len(given) == 1:  # a comprehension that is the only argument has no brackets
                    return Call(Name(name), (), given)
                return Call(Name(name), tuple(value for _, value in given))
            case LayerStates(kinds=((count, below),)):
                return Comprehension(self._assembled(below), "_", call("range", count))
            case LayerStates(kinds=kinds):
                return List(tuple(self._of_kind(count, below) for count, below in kinds))

    def _of_kind(self, count: Hyperparameter, below: StateTree) -> Expression:
        """Return the states of as many layers, as elements of a list."""
        one = self._assembled(below)
        if count.value == 1:
            return one
        return Starred(Comprehension(one, "_", call("range", count), brackets=False))

    def _held(self, holder: Holder) -> Expression:
        stored = list(self._stored(holder))
        if holder.name in GROWING:
            known = (Name("position"),) if holder.name == "BeamAncestry" else ()
            return Call(Name(GROWING[holder.name]), (*known, *(call("next", EACH) for _ in stored)))
        given: dict[str, list[Expression]] = {}
        for each in stored:
            given.setdefault(each.name, []).append(call("next", EACH))
        keywords = tuple(
            (name, Tuple(tuple(values)) if len(values) > 1 else values[0])
            for name, values in given.items()
        )
        return Call(Name("remembering"), (call(holder.name, *holder.arguments),), keywords)

    def initial_lines(self, tokens: str) -> Iterator[str]:
        """Yield the lines that list the tensors of a state before the first token.

        `tokens` is the name of the tokens of the batch.
        """

        def initial(tree: StateTree, held: Expression) -> Iterator[Expression]:
            match tree:
                case Record(fields=fields):
                    for name, below in fields:
                        yield from initial(below, Attribute(held, name))
                case Constant():
                    yield held
                case Holder():
                    yield from (_filled(each, Name(tokens)) for each in self._stored(tree))

        yield from self._lists(self.tree, STATE, 1, initial)

    def changed_lines(self) -> Iterator[str]:
        """Yield the lines that list the tensors that a step has changed."""

        def changed(tree: StateTree, held: Expression) -> Iterator[Expression]:
            if isinstance(tree, Record):
                for name, below in tree.fields:
                    yield from changed(below, Attribute(held, name))
            elif isinstance(tree, Holder):
                for each in self._stored(tree):
                    value = Attribute(held, each.name)
                    yield value if each.place is None else Subscript(value, (Const(each.place),))

        yield from self._lists(self.tree, STATE, 1, changed)

    def _lists(self, tree: StateTree, held: Expression, depth: int, of: Tensors) -> Iterator[str]:
        """Yield lines that add the tensors `of` the parts of a state to a list, layer by layer."""
        match tree:
            case LayerStates():
                segments = list(_segments(tree))
                for first, count, below in segments:
                    start = Const(first) if first else None
                    own = Subscript(held, (Slice(start, Const(first + int(count.value))),))
                    if not (inner := list(self._lists(below, Name("layer"), depth + 1, of))):
                        continue
                    variable, over = "layer", own if len(segments) > 1 else held
                    if not any("layer" in line for line in inner):
                        variable, over = "_", call("range", count)
                    yield from (*lay_loop(variable, over, self.name_of, depth), *inner)
            case Record(fields=fields) if any(isinstance(each, LayerStates) for _, each in fields):
                for name, below in fields:
                    yield from self._lists(below, Attribute(held, name), depth, of)
            case _:
                if found := tuple(of(tree, held)):
                    yield from lay("tensors += ", List(found), self.name_of, depth)


def _walk(tree: StateTree) -> Iterator[StateTree]:
    """Yield a part of a state and all that is in it."""
    yield tree
    below: Iterable[StateTree] = ()
    if isinstance(tree, Record):
        below = (each for _, each in tree.fields)
    elif isinstance(tree, LayerStates):
        below = (each for _, each in tree.kinds)
    for each in below:
        yield from _walk(each)


def _segments(layers: LayerStates) -> Iterator[tuple[int, Hyperparameter, StateTree]]:
    """Yield of each kind of layers the number of its first state, how many, and what one is."""
    first = 0
    for number, below in layers.kinds:
        yield first, number, below
        first += int(number.value)


def _filled(stored: Stored, tokens: Expression) -> Expression:
    """Return a tensor as it is before the first step: one hypothesis, no slots."""
    sizes: dict[Dimension, Expression] = {BATCH: Name("batch"), BEAM: Const(1)}
    shape = tuple(
        sizes.get(each, Const(0)) if isinstance(each, Free) else each for each in stored.shape
    )
    if stored.initial is True:
        keywords = (("dtype", Name("torch.bool")),)
        return Call(Attribute(tokens, "new_ones"), shape, keywords)
    values = Name("numbers") if isinstance(stored.initial, float) else tokens
    if stored.initial:
        return method(values, "new_full", Tuple(shape), Const(stored.initial))
    return method(values, "new_zeros", *shape)
