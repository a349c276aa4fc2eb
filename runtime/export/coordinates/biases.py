"""Biases that are zeros, and factors of embeddings that are part of their tables."""

import re

import torch

from compiler.export.coordinates import with_biases, with_offset_of_norms, with_scaled_tables
from compiler.export.networks import parameters_of_spec
from compiler.spec.spec import Spec
from compiler.spec.tasks import SIDES
from runtime.weights.files import Tensors

ADDED = ("bias", "segment_embedding.weight")
"""The ends of the names of parameters that are added, so that zeros change nothing."""


def with_missing_biases(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network with all biases that it may have; those that it had not are zeros."""
    return with_zeros(spec, tensors, with_biases(spec))


def with_zeros(spec: Spec, tensors: Tensors, new: Spec) -> tuple[Spec, Tensors]:
    """Return the network of another spec, which has more biases, or vectors of segments: zeros.

    Raises a ValueError for any other parameter that the network of `spec` lacks.
    """
    found = dict(tensors)
    for each in parameters_of_spec(new):
        if each.name not in found and not each.name.endswith(ADDED):
            raise ValueError(f"{spec.name} lacks {each.name}, which is not added to anything")
        found.setdefault(each.name, torch.zeros(each.shape))
    return new, found


def with_factor_in_tables(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Return a network whose tables of embeddings hold the factor of `embedding.scale`, or 1 / it.

    Raises a ValueError where a table is that of the output, too.
    """
    if spec.model.embedding.tied != "none":
        raise ValueError("the table of embeddings is that of the output, too")
    found = dict(tensors)
    was_scaled = spec.model.embedding.scale == "sqrt_d_model"
    sides = {"encoder": "source_embedding.weight", "decoder": "target_embedding.weight"}
    for name, _ in spec.model.stacks():
        factor = spec.model.width(name) ** (0.5 if was_scaled else -0.5)
        key = sides[name] if sides[name] in found else "embedding.weight"
        found[key] = found[key] * factor
    return with_scaled_tables(spec), found


def with_norms_by(spec: Spec, tensors: Tensors, *, offset: bool) -> tuple[Spec, Tensors]:
    """Return a network whose RMS norms multiply by 1 + weight with `offset`, else by the weight."""
    new = with_offset_of_norms(spec, offset)
    found = dict(tensors)
    for name, stack in spec.model.stacks():
        own: bool = getattr(new.model, name).norm.offset
        change = int(stack.norm.offset or False) - int(own or False)
        for key in norms_of_stream(found, name):
            found[f"{key}.weight"] = found[f"{key}.weight"] + change
    return new, found


def norms_of_stream(tensors: Tensors, stack: str) -> list[str]:
    """Return the names of the norms of a residual stream, without those inside its sub-layers."""
    of_stream = rf"{stack}\.(layers\.\d+\.)?\w*norm|{SIDES[stack]}_embedding_norm"
    if stack == "encoder":
        of_stream += r"|prediction\.norm"  # the head of a masked language model has the same kind
    names = (key.removesuffix(".weight") for key in tensors if key.endswith(".weight"))
    return [name for name in names if re.fullmatch(of_stream, name)]
