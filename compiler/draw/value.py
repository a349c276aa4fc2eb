"""Facts that are known while a network is read: origins of values, places of statements."""

from dataclasses import dataclass, replace

from compiler.ir.block import Block, Function
from compiler.ops.shape import Free, Shape, size


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value of the IR: the nodes that it comes from, none for a mask, and what became of it.

    There are several `sources` where one statement of the IR makes several boxes.
    """

    sources: tuple[str, ...] = ()
    shape: Shape = ()
    notes: tuple[str, ...] = ()
    asides: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The place of a statement: the `id` of what is around it, and its `path` in the code."""

    id: str = ""
    path: str = ""
    column: str = ""
    is_layer: bool = False

    def below(self, part: str, key: str = "") -> "Location":
        """Return the place of a part, whose id ends in `key` where it differs from its name."""
        id = ".".join(filter(None, (self.id, key or part)))
        return replace(self, id=id, path=".".join(filter(None, (self.path, part))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A sub-layer with what it was given, to be opened."""

    block: Block
    function: Function
    values: tuple[Value, ...]
    location: Location


def shape_words(shape: Shape) -> str:
    """Return the dimensions of a shape: `[batch, source, 512]`."""
    if not shape:
        return ""
    return f"[{', '.join(e.name if isinstance(e, Free) else str(size(e, {})) for e in shape)}]"
