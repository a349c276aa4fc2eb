"""Queries, keys and values of one width."""

import torch
from torch import Tensor

from compiler.spec.attention import Attention
from compiler.spec.model import LayerGroup
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS
from runtime.export.coordinates.layers import held, weighted, with_layers
from runtime.weights.files import Tensors


def with_equal_heads(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network whose queries, keys and values have one width, that of the wider ones.

    Narrower ones are padded with zeros, which add nothing to scores, and to which no output is
    mapped. Scores keep their factor, and rotary positions the numbers that they turn. Norms of
    queries and keys stay what they are only where those are the wider ones.
    """
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        for group, number in held(stack):
            for kind in ATTENTIONS:
                if settings := getattr(group, kind):
                    for place in weighted(tensors, f"{name}.layers.{number}.{kind}"):
                        _pad(found, place, settings)
        spec = with_layers(spec, name, [_with_equal_heads(group) for group in stack.layers])
    return spec, found


def _with_equal_heads(group: LayerGroup) -> LayerGroup:
    """Return the settings of layers whose heads are padded."""
    update: dict[str, object] = {}
    for kind in ATTENTIONS:
        settings: Attention | None = getattr(group, kind)
        if settings is None or settings.d_k == settings.d_v:
            continue
        narrow, width = settings.d_k or 0, _width(settings)
        scale = settings.scale or narrow**-0.5
        changed = {"d_k": width, "d_v": width, "scale": scale}
        update[kind] = settings.model_copy(update=changed)
        fraction = getattr(group.position, "fraction", None)
        if kind == "self_attention" and fraction is not None:
            turned = {"fraction": round(fraction * narrow) / width}
            update["position"] = group.position.model_copy(update=turned)
    return group.model_copy(update=update)


def _width(settings: Attention) -> int:
    return max(settings.d_k or 0, settings.d_v or 0)


def _pad(tensors: Tensors, name: str, settings: Attention) -> None:
    """Pad the heads of one attention, if those of some kind are narrower than others."""
    d_k, d_v, width = settings.d_k or 0, settings.d_v or 0, _width(settings)
    query = (settings.heads, d_k)
    key, value = (settings.kv_heads or 0, d_k), (settings.kv_heads or 0, d_v)
    projections = {"query_key_value": (query, key, value), "query": (query,)}
    projections["key_value"] = (key, value)
    for projection, kinds in projections.items():
        for kind in ("weight", "bias"):
            if (tensor := tensors.get(f"{name}.{projection}.{kind}")) is not None:
                tensors[f"{name}.{projection}.{kind}"] = _padded(tensor, kinds, width)
    output = tensors[f"{name}.output.weight"]
    tensors[f"{name}.output.weight"] = _padded(output.T, ((settings.heads, d_v),), width).T


def _padded(tensor: Tensor, kinds: tuple[tuple[int, int], ...], width: int) -> Tensor:
    """Rows of kinds, each with a number of heads and their width -> heads of one `width`."""
    parts = torch.split(tensor, [heads * own for heads, own in kinds])
    padded = []
    for part, (heads, own) in zip(parts, kinds, strict=True):
        rows = part.reshape(heads, own, *tensor.shape[1:])
        zeros = rows.new_zeros(heads, width - own, *tensor.shape[1:])
        padded.append(torch.cat((rows, zeros), dim=1).flatten(0, 1))
    return torch.cat(padded)
