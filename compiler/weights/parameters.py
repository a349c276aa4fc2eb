"""Our side of a map: the parameters of a network under the names that its state dict gives them."""

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, Repeat
from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Op
from compiler.ops.parameter import Parameter
from compiler.ops.shape import size


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedParameter:
    """A tensor of the state dict. `slices`: name and number of rows of each part of a fused one.

    `dimensions`: the names of the numbers of the spec that its dimensions are, such as `d_model`;
    empty for a dimension that is a sum or a product.
    """

    name: str
    shape: tuple[int, ...]
    slices: tuple[tuple[str, int], ...] = ()
    decays: bool = True
    dimensions: tuple[str, ...] = ()


def named_parameters(block: Block, path: str = "") -> Iterator[NamedParameter]:
    """All parameters of a network, in the order of its parts."""
    for name, part in block.parts:
        for below, each in _numbered(name, part):
            if isinstance(each, Block):
                yield from named_parameters(each, f"{path}{below}.")
            else:
                yield from parameters_of(below, each, path)


def parameters_of(name: str, op: Op, path: str) -> Iterator[NamedParameter]:
    """Return the parameters of an op that is a part of the block at `path`, which ends in a dot."""
    return (_named(f"{path}{name}.", each) for each in op.parameters())


def _numbered(name: str, part: Op | Repeat | Block) -> Iterator[tuple[str, Op | Block]]:
    """Yield a part under its name; the blocks of a repetition are numbered: `layers.5`."""
    if not isinstance(part, Repeat):
        yield name, part
        return
    for number in part.places:
        yield f"{part.holder or name}.{number}", part.block


def _named(path: str, parameter: Parameter) -> NamedParameter:
    return NamedParameter(
        name=f"{path}{parameter.name}".rstrip("."),  # an attribute may be a parameter itself
        shape=tuple(size(dimension, {}) for dimension in parameter.shape),
        decays=parameter.decays,
        dimensions=tuple(
            each.name if isinstance(each, Hyperparameter) else "" for each in parameter.shape
        ),
        slices=tuple((name, size(rows, {})) for name, rows in parameter.slices),
    )
