"""Rotary positions that turn a number together with that half a width away."""

import torch
from torch import Tensor

from compiler.export.coordinates import with_halves_turned
from compiler.spec.attention import Attention
from compiler.spec.position import RotaryPosition
from compiler.spec.spec import Spec
from runtime.export.coordinates.layers import held, weighted
from runtime.weights.files import Tensors


def with_halves(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network that turns halves of a head where it turned neighbours.

    Queries and keys have their numbers in another order, which no product of theirs tells. Raises a
    ValueError for attention to latents, where maps of their own make what is turned.
    """
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        for group, number in held(stack):
            position, settings = group.position, group.self_attention
            if not isinstance(position, RotaryPosition) or settings is None:
                continue
            if position.layout == "interleaved" and settings.latent is not None:
                raise ValueError("attention to latents turns what maps of their own make")
            if position.layout == "interleaved":
                order = _order(settings.d_k or 0, position.fraction)
                for place in weighted(tensors, f"{name}.layers.{number}.self_attention"):
                    _reorder(found, place, settings, order)
    return with_halves_turned(spec), found


def _order(width: int, fraction: float) -> Tensor:
    """Return the place that each number of a head comes from."""
    turned = round(fraction * width)
    return torch.cat(
        (
            torch.arange(0, turned, 2),
            torch.arange(1, turned, 2),
            torch.arange(turned, width),
        )
    )


def _reorder(tensors: Tensors, place: str, settings: Attention, order: Tensor) -> None:
    """Give the queries and keys of an attention, and their norms, another order in each head."""
    groups = settings.heads + (settings.kv_heads or settings.heads)
    for kind in ("weight", "bias"):
        key = f"{place}.query_key_value.{kind}"
        if key in tensors:
            rows = groups * len(order)
            own, values = tensors[key][:rows], tensors[key][rows:]
            heads = own.reshape(groups, len(order), *own.shape[1:])
            tensors[key] = torch.cat((heads[:, order].flatten(0, 1), values))
    for norm in ("query_norm", "key_norm"):
        for kind in ("weight", "bias"):
            key = f"{place}.{norm}.{kind}"
            if key in tensors:
                heads = tensors[key].reshape(-1, len(order))
                tensors[key] = heads[:, order].flatten()
