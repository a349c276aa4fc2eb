"""The parameters of a network as the IR has them."""

from collections.abc import Iterator

from compiler.ir.block import Block, Repeat
from compiler.ops.op import Parameter


def parameters_of(block: Block, path: str = "") -> Iterator[tuple[str, Parameter]]:
    """All, each under the name that it has in the network."""
    for name, part in block.parts:
        if isinstance(part, Repeat):
            # `layers[5:6]` is the sixth layer of `layers`.
            list_name, _, place = name.partition("[")
            first = int(place.partition(":")[0] or 0)
            for index in range(first, first + int(part.count.value)):
                yield from parameters_of(part.block, f"{path}{list_name}.{index}.")
        elif isinstance(part, Block):
            yield from parameters_of(part, f"{path}{name}.")
        else:
            # An attribute may be a parameter itself.
            own = ((f"{path}{name}.{each.name}".rstrip("."), each) for each in part.parameters())
            yield from own
