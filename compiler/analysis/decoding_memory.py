"""The memory of decoding, block by block: caches, recurrent states, keys and values of the source.

It is read off the derived program. The masks of the model, a byte a position, do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.analysis.infer_shapes import shapes_of
from compiler.ir.block import Block, Invoke, children
from compiler.ops.op import Cache
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
    for statement in block.function("step").body:
        if isinstance(statement.op, Invoke):
            continue
        inputs = tuple(shapes[each] for each in statement.inputs)
        if numbers := statement.op.state_size(inputs):
            yield DecodingMemory(numbers=numbers, cache=statement.op.appended_cache())


def _made_at_start(block: Block) -> Iterator[DecodingMemory]:
    """Yield the tensors of the state that are computed once: keys and values of cross-attention."""
    start = block.function("start")
    shapes = shapes_of(block, start)
    made = [each for each in start.body if block.state and each.results == start.outputs]
    for shape in (shapes[each] for statement in made for each in statement.inputs):
        if shape:
            yield DecodingMemory(numbers=elements(shape, ONE), is_of_source=SOURCE in shape)
