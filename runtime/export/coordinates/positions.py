"""Tables of positions in place of sines, of none, and with rows that no position reads."""

import torch
from torch import Tensor

from compiler.export.coordinates import with_rows_before_positions, with_tables_of_positions
from compiler.spec.model import Stack
from compiler.spec.position import LearnedPosition, SinusoidalPosition
from compiler.spec.spec import Spec
from compiler.spec.tasks import SIDES
from runtime.weights.files import Tensors


def with_tables(spec: Spec, tensors: Tensors, max_length: int) -> tuple[Spec, Tensors]:
    """Return a network that reads its positions, up to `max_length`, from tables.

    The table of a stack without positions is zeros.
    """
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        if not isinstance(stack.position, LearnedPosition):
            table = _sines(stack, max_length, spec.model.width(name))
            found[f"{SIDES[name]}_position.weight"] = table
    return with_tables_of_positions(spec, max_length), found


def _sines(stack: Stack, count: int, width: int) -> Tensor:
    """Return what a stack adds at each position [count, width]."""
    position = stack.position
    if not isinstance(position, SinusoidalPosition):
        return torch.zeros(count, width)
    places = position.offset + torch.arange(count)[:, None]
    longest = width - 2 if position.layout == "tensor2tensor" else width
    angle = places * 10000.0 ** (-torch.arange(0, width, 2) / longest)
    if position.layout == "interleaved":
        return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
    return torch.cat((angle.sin(), angle.cos()), dim=-1)


def with_rows_before(spec: Spec, tensors: Tensors, offset: int) -> tuple[Spec, Tensors]:
    """Return a network whose tables of positions begin with `offset` rows that nobody reads."""
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        position = stack.position
        if isinstance(position, LearnedPosition) and position.offset != offset:
            key = f"{SIDES[name]}_position.weight"
            table = tensors[key][position.offset :]
            found[key] = torch.cat((table.new_zeros(offset, table.size(1)), table))
    return with_rows_before_positions(spec, offset), found
