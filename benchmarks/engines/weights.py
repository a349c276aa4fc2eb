"""Our parameters by other people's names.

Ours are called `decoder.layers.3.cross_attention.key_value.weight`; `query_key_value` and
`key_value` hold two or three projections of equal size, one below the other.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from runtime.package import load_package

Tensors = dict[str, Tensor]

POSITIONS = 512
"""Rows of the position tables of peers that have one: more than any sentence here."""

Names = Mapping[str, tuple[str, ...]]
"""For each part of our layers, what its projections are called; `{kind}` is weight or bias."""


def load_weights(path: Path) -> Tensors:
    """Ours, by our names."""
    return load_file(path)


def write_seeded_weights(package: Path, path: Path) -> None:
    """New weights for a package, the same each time.

    Biases and norms, which begin as zeros and ones, are moved a little: a peer that lost one of
    them would otherwise not be found out.
    """
    torch.manual_seed(1)
    weights = load_package(package).model_class().state_dict()
    for tensor in weights.values():
        if tensor.dim() == 1:
            tensor.add_(torch.randn_like(tensor), alpha=0.1)
    save_file(weights, path)


def renamed_layers(
    weights: Tensors, names: Names, place: Callable[[str, int, str], str]
) -> Tensors:
    """The parameters of all layers by `names`, each behind the place of its stack, layer, part."""
    theirs: Tensors = {}
    for name, tensor in weights.items():
        stack, _, within = name.partition(".layers.")
        if not within:
            continue
        layer, _, parameter = within.partition(".")
        part, _, kind = parameter.rpartition(".")
        behind, pieces = place(stack, int(layer), part), tensor.chunk(len(names[part]))
        for their_name, piece in zip(names[part], pieces, strict=True):
            theirs[behind + their_name.format(kind=kind)] = piece
    return theirs


def with_fused_cross_attention(weights: Tensors) -> Tensors:
    """Return the weights with `cross_attention.query_key_value` for `query` and `key_value`."""
    fused: Tensors = {}
    for name, tensor in weights.items():
        if "cross_attention.query." in name:
            rest = weights[name.replace(".query.", ".key_value.")]
            fused[name.replace(".query.", ".query_key_value.")] = torch.cat((tensor, rest))
        elif "cross_attention.key_value." not in name:
            fused[name] = tensor
    return fused


def final_norms(weights: Tensors, name: str) -> Tensors:
    """The norms after the stacks, where there are any; `name` has a place for {stack}, {kind}."""
    found = {}
    for stack in ("encoder", "decoder"):
        for kind in ("weight", "bias"):
            if (tensor := weights.get(f"{stack}.norm.{kind}")) is not None:
                found[name.format(stack=stack, kind=kind)] = tensor
    return found


def position_table(width: int) -> Tensor:
    """Sines and cosines of Vaswani et al. 2017, section 3.5 -> [POSITIONS, width]"""
    position = torch.arange(POSITIONS, dtype=torch.float64).unsqueeze(1)
    even = torch.arange(0, width, 2, dtype=torch.float64)
    angle = position / 10000 ** (even / width)
    table = torch.empty(POSITIONS, width)
    table[:, 0::2], table[:, 1::2] = angle.sin(), angle.cos()
    return table
