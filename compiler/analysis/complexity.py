"""The terms of Table 1 (Vaswani et al. 2017) for each mask by which positions of a network meet."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from compiler.analysis.receptive_field import ReceptiveField, receptive_field
from compiler.ir.block import Block, Repeat
from compiler.mask.mask import Mask
from compiler.ops.op import Complexity, Op

LONGEST_FIELD = 1025

Layers = Sequence[Sequence[str | Sequence[str]]]
"""The sub-layers of each layer in order; those side by side together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One place where positions meet, in the terms of Table 1 (Vaswani et al. 2017).

    `complexity` is of a layer, n and m positions of width d; `sequential` are the operations that
    wait for each other; `fields` are the positions that one has read after each such sub-layer, all
    those before it counted, in a stream of `length`; `path` is the longest way between two.
    """

    place: str
    mask: str
    complexity: str
    sequential: str
    path: str
    length: int
    fields: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """An op by which positions meet: `is_self` says that they are of one stream."""

    mask: Mask
    complexity: Complexity
    is_self: bool


Step = dict[str, tuple[_Reader, ...]]
"""Sub-layers side by side, by their places: a position reads all that any of them lets it read."""


def readings(model: Block, stacks: Mapping[str, Layers], length: int) -> Iterator[Reading]:
    """Yield a row for each mask in each place where positions meet, stack by stack."""
    for name, layers in stacks.items():
        block = model.part(name)
        assert isinstance(block, Block)
        steps = list(_steps(block, layers))
        for place in dict.fromkeys(place for step in steps for place in step):
            ops = [op for step in steps for op in step.get(place, ())]
            for op in dict.fromkeys(reversed(ops)):
                yield _reading(name, place, op, steps, length)


def _steps(block: Block, layers: Layers) -> Iterator[Step]:
    """Yield the sub-layers of all layers, one after the other, but those without readers."""
    first = 0
    for repeat in (part for _, part in block.parts if isinstance(part, Repeat)):
        steps = [step for step in _steps_of(repeat.block, layers[first]) if step]
        first += int(repeat.count.value)
        for _ in range(int(repeat.count.value)):
            yield from steps


def _steps_of(layer: Block, group: Sequence[str | Sequence[str]]) -> Iterator[Step]:
    counts = Counter[str]()
    for each in group:
        step: Step = {}
        for kind in [each] if isinstance(each, str) else each:
            counts[kind] += 1
            part = layer.part(kind if counts[kind] == 1 else f"{kind}_{counts[kind]}")
            assert isinstance(part, Block)
            step[kind] = (*step.get(kind, ()), *_readers(part))
        yield {kind: ops for kind, ops in step.items() if ops}


def _readers(part: Block) -> Iterator[_Reader]:
    """Yield the ops by which positions meet: several, where groups of heads have their own."""
    forward = part.function("forward")
    is_self = all(each.name != "memory" for each in forward.inputs)
    for op in (each.op for each in forward.body):
        if isinstance(op, Op) and op.mask and (terms := op.complexity(is_self=is_self)):
            yield _Reader(mask=op.mask, complexity=terms, is_self=is_self)


def _reading(stack: str, place: str, op: _Reader, steps: list[Step], length: int) -> Reading:
    selves = list(_only(steps, lambda each: each.is_self))
    read: list[Step] = selves if op.is_self else [{place: (op,)}]
    field, terms = _field(read, length), op.complexity
    is_sequential = terms.sequential != "1"
    return Reading(
        place=f"{stack}.{place}",
        mask=op.mask.text,
        complexity=terms.per_layer,
        sequential=terms.sequential,
        path=terms.sequential if is_sequential else _path(read, length) if op.is_self else "1",
        length=field.length,
        fields=tuple(
            positions
            for positions, step in zip(field.positions, read, strict=True)
            if any(each.mask == op.mask for each in step.get(place, ()))
        ),
    )


def _only(steps: list[Step], counts: Callable[[_Reader], bool]) -> Iterator[Step]:
    """Yield the steps with those readers that count."""
    for step in steps:
        kept = {kind: tuple(filter(counts, ops)) for kind, ops in step.items()}
        if rest := {kind: ops for kind, ops in kept.items() if ops}:
            yield rest


def _field(steps: list[Step], length: int) -> ReceptiveField:
    """Return the field after each of the steps, at a length that shows the edges of the masks."""
    masks = [[op.mask for ops in step.values() for op in ops] for step in steps]
    edges = (edge for each in masks for mask in each for edge in mask.numbers)
    longest = max((2 * edge + 1 for edge in edges), default=0)
    either = [reduce(or_, each) for each in masks]
    return receptive_field(either, min(max(length, longest), LONGEST_FIELD))


def _path(steps: list[Step], length: int) -> str:
    """Return the longest path in steps of constant time; a stack may have too few of them."""
    field = _field(list(_only(steps, lambda each: each.complexity.sequential == "1")), length)
    return str(field.path) if field.is_connected else "none"
