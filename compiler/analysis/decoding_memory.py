"""The memory of decoding, block by block: caches, recurrent states, keys and values of the source.

It is read off the derived program. The masks of the model, a byte a position, do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.analysis.infer_shapes import shapes_of
from compiler.ir.block import Block, children
from compiler.ops.decoding import Append, MakeState, NewCache
from compiler.ops.op import Cache, Op
from compiler.ops.shape import BATCH, BEAM, SOURCE, Lengths, elements

ONE: Lengths = {each.name: 1 for each in (BATCH, BEAM, SOURCE)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingMemory:
    """The numbers that a block, in all its repetitions, keeps of one hypothesis.

    `numbers` are kept for each position of the target that `cache` keeps; or for each position of
    the source, if `is_of_source`; or once.
    """

    numbers: int
    cache: Cache | None = None
    is_of_source: bool = False

    def at_the_end(self, length: int) -> int:
        """Return the count when the last of `length` tokens is decoded, with as long a source."""
        if self.cache is not None:
            return self.numbers * self.cache.positions(length)
        return self.numbers * (length if self.is_of_source else 1)


def decoding_memory(
    block: Block, path: str = "", times: int = 1
) -> dict[str, list[DecodingMemory]]:
    """Return the memory of each block that has some of its own, by its path."""
    found = {}
    if path and (own := [replace(each, numbers=each.numbers * times) for each in _own(block)]):
        found[path] = own
    for name, below, count in children(block):
        inner = f"{path}.{name}" if path else name
        found |= decoding_memory(below, inner, times * count)
    return found


def _own(block: Block) -> Iterator[DecodingMemory]:
    if not block.has("step"):
        return
    yield from _made_at_start(block)
    shapes = shapes_of(block, block.function("step"))
    caches = _caches(block)
    for statement in block.function("step").body:
        if not isinstance(statement.op, Op):
            continue
        inputs = tuple(shapes[each] for each in statement.inputs)
        if numbers := statement.op.state_size(inputs):
            is_cache = isinstance(statement.op, Append)
            yield DecodingMemory(numbers=numbers, cache=next(caches) if is_cache else None)


def _caches(block: Block) -> Iterator[Cache]:
    """Yield the caches that `start` makes, in the order in which `step` appends to them."""
    for statement in block.function("start").body:
        if isinstance(statement.op, NewCache):
            yield statement.op.cache


def _made_at_start(block: Block) -> Iterator[DecodingMemory]:
    """Yield the tensors that are computed once: keys and values of cross-attention."""
    start = block.function("start")
    shapes = shapes_of(block, start)
    for statement in start.body:
        if isinstance(statement.op, MakeState):
            tensors = [shapes[each] for each in statement.inputs if shapes[each]]
            for shape in tensors:
                yield DecodingMemory(numbers=elements(shape, ONE), is_of_source=SOURCE in shape)
