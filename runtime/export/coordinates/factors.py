"""Factors and offsets that become part of the weights."""

import torch

from compiler.spec.model import Norm
from compiler.spec.spec import Spec
from runtime.export.coordinates.layers import held, with_layers
from runtime.export.coordinates.tables import with_model, with_own_tables
from runtime.weights.files import Tensors

STACKS = {"encoder": "source", "decoder": "target"}


def without_output_scale(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network with `output.scale` in its output projection, a table of its own."""
    output = spec.model.output
    if output.scale == 1.0:
        return spec, tensors
    width = spec.model.width("decoder" if spec.model.decoder else "encoder")
    factor = width**-0.5 if isinstance(output.scale, str) else output.scale
    spec, found = with_own_tables(spec, tensors)
    found["projection.weight"] = found["projection.weight"] * factor
    if "output_bias" in found:
        found["output_bias"] = found["output_bias"] * factor
    return with_model(spec, output=output.model_copy(update={"scale": 1.0})), found


def without_feed_forward_scale(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network with `feed_forward.scale` in the second map of the network."""
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        for group, number in held(stack):
            if group.feed_forward is None:
                continue
            prefix = f"{name}.layers.{number}.feed_forward"
            for key in [key for key in found if key.startswith(prefix) and ".output." in key]:
                found[key] = found[key] * group.feed_forward.scale
        groups = [
            group.model_copy(
                update={
                    "feed_forward": group.feed_forward
                    and group.feed_forward.model_copy(update={"scale": 1.0})
                }
            )
            for group in stack.layers
        ]
        spec = with_layers(spec, name, groups)
    return spec, found


def with_plain_norms(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network whose `rms_norm` has no offset and whose `layer_norm` has a bias."""
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        norm = stack.norm
        for key in _norms(tensors, name):
            weight = tensors[f"{key}.weight"]
            if norm.offset:
                found[f"{key}.weight"] = weight + 1
            if norm.kind == "layer_norm" and not norm.bias:
                found[f"{key}.bias"] = torch.zeros_like(weight)
        update = {"norm": _plain(norm)}
        spec = with_model(spec, **{name: stack.model_copy(update=update)})
    return spec, found


def _plain(norm: Norm) -> Norm:
    if norm.kind == "layer_norm":
        return norm.model_copy(update={"bias": True})
    return norm.model_copy(update={"offset": False}) if norm.kind == "rms_norm" else norm


def _norms(tensors: Tensors, stack: str) -> list[str]:
    """The names of the norms of a residual stream; not of those of queries and keys."""
    side = STACKS[stack]
    return [
        key.removesuffix(".weight")
        for key in tensors
        if key.endswith("norm.weight")
        and not key.endswith(("query_norm.weight", "key_norm.weight"))
        and key.startswith((f"{stack}.", f"{side}_embedding_norm."))
    ]
