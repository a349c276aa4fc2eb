"""Residual streams in another order, or of another size."""

import re

import torch
from torch import Tensor

from compiler.export.coordinates import why_not_scaled, with_concatenated_sines, with_scaled_stream
from compiler.export.networks import parameters_of_spec
from compiler.spec.position import SinusoidalPosition
from compiler.spec.spec import Spec
from compiler.spec.tasks import SIDES
from runtime.weights.files import Tensors

STREAMS = {"encoder": ("encoder_d_model", "d_model"), "decoder": ("d_model",)}
"""The names of the width of a stream, as dimensions of parameters have them."""
WRITERS = re.compile(
    r"(encoder|decoder)\.layers\.\d+\.\w+(\.experts\.\d+)?\.output\.(weight|bias)"
    r"|(encoder|decoder)\.layers\.\d+\.\w+_output_norm\.(weight|bias)"
)
"""What the sub-layers of a layer add to the stream is proportional to these."""


def with_concatenated(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network whose positions are all sines first, its streams in that order.

    Raises a ValueError where something else than maps and norms reads a stream, where the stream is
    the output, and for sines of other wavelengths (`tensor2tensor`).
    """
    if spec.model.pooling is not None and spec.model.pooling.width is None:
        raise ValueError("vectors of texts have the order of the stream")
    for _, stack in spec.model.stacks():
        if any(group.mixers for group in stack.layers):
            raise ValueError("streams that recurrences or convolutions read keep their order")
        if getattr(stack.position, "layout", "interleaved") == "tensor2tensor":
            raise ValueError("these sines have other wavelengths")
    found = dict(tensors)
    for parameter in parameters_of_spec(spec):
        for dimension, name in enumerate(parameter.dimensions):
            if name in STREAMS["encoder"] and _is_turned(spec, name):
                order = _sines_first(parameter.shape[dimension])
                found[parameter.name] = found[parameter.name].index_select(dimension, order)
    return with_concatenated_sines(spec), found


def _is_turned(spec: Spec, dimension: str) -> bool:
    """Return whether a stream has sines and cosines in turn; streams of one width go together."""
    return any(
        dimension in STREAMS[name]
        and isinstance(stack.position, SinusoidalPosition)
        and stack.position.layout == "interleaved"
        for name, stack in spec.model.stacks()
    )


def _sines_first(width: int) -> Tensor:
    return torch.cat((torch.arange(0, width, 2), torch.arange(1, width, 2)))


def with_other_size(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network whose streams are divided by the factor of `embedding.scale`, or multiplied
    by it where embeddings have none.

    Tables of tokens stay as they are, so that they may be those of the output, too; all else that
    is added to a stream is multiplied. Norms read the same, as their eps is changed. Raises a
    ValueError where something reads a stream without a norm.
    """
    if reason := why_not_scaled(spec):
        raise ValueError(reason)
    found = dict(tensors)
    was_scaled = spec.model.embedding.scale == "sqrt_d_model"
    for name, stack in spec.model.stacks():
        width = spec.model.width(name)
        factor = width**-0.5 if was_scaled else width**0.5
        side = SIDES[name]
        for key in found:
            if not _is_written(key, name, side):
                continue
            if "norm" in key and stack.norm.offset and key.endswith("weight"):
                found[key] = (found[key] + 1) * factor - 1
            else:
                found[key] = found[key] * factor
    return with_scaled_stream(spec), found


def _is_written(key: str, stack: str, side: str) -> bool:
    """Return whether a parameter is added to the stream of a stack, or multiplies what is added."""
    if WRITERS.fullmatch(key):
        return key.startswith(f"{stack}.")
    own = (f"{side}_position.", f"{side}_embedding_norm.")
    return key.startswith((*own, "segment_embedding."))
