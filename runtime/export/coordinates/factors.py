"""Factors and offsets that become part of the weights."""

import torch

from compiler.export.coordinates import with_model
from compiler.spec.spec import Spec
from runtime.export.coordinates.biases import norms_of_stream, with_norms_by
from runtime.export.coordinates.layers import held, with_layers
from runtime.export.coordinates.tables import with_own_tables
from runtime.weights.files import Tensors


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
    """Return a network with `feed_forward.scale` in its output map."""
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
    spec, found = with_norms_by(spec, tensors, offset=False)
    for name, stack in spec.model.stacks():
        norm = stack.norm
        if norm.kind != "layer_norm" or norm.bias:
            continue
        for key in norms_of_stream(tensors, name):
            found[f"{key}.bias"] = torch.zeros_like(tensors[f"{key}.weight"])
        changed = norm.model_copy(update={"bias": True})
        spec = with_model(spec, **{name: stack.model_copy(update={"norm": changed})})
    return spec, found
