"""Activation checkpointing of layers (Chen et al. 2016, sublinear memory cost).

The forward pass keeps the inputs of a layer alone. The backward pass computes what else it needs
of the layer anew, with the same random numbers, so that gradients are the same.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from runtime.errors import UserError

LAYERS = "layers"
"""The attribute of a stack in a generated model that holds its layers, of whatever kinds."""


def layers_of(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of all stacks of a generated model, each once.

    Raises a UserError if there is none.
    """
    lists = [getattr(stack, LAYERS, None) for stack in model.modules()]
    layers = [layer for each in lists if isinstance(each, nn.ModuleList) for layer in each]
    if not layers:
        raise UserError(
            f"the network has no nn.ModuleList named `{LAYERS}`, by which its layers are found",
            help="model.py was edited: give the list its name back",
        )
    yield from layers


def recompute_layers(model: nn.Module) -> None:
    """Let the backward passes of a model compute the activations of its layers anew.

    Raises a UserError if the model has no layers.
    """
    kinds: dict[type[nn.Module], type[nn.Module]] = {}
    for layer in layers_of(model):
        kind = type(layer)
        if kind not in kinds:
            kinds[kind] = _recomputed(kind)
        layer.__class__ = kinds[kind]


class Recomputed(nn.Module):
    """A layer that keeps of a forward pass with gradients what it was given, and nothing else."""

    def forward(self, *inputs: Any) -> Any:
        """Return what the layer makes of its inputs."""
        return _recomputing(super().forward, *inputs)

    def run(self, program: Callable[..., Any], *inputs: Any) -> Any:
        """Return what a program of `packed.py`, in place of `forward`, makes of the layer."""
        return _recomputing(program, self, *inputs)


def _recomputing(function: Callable[..., Any], *inputs: Any) -> Any:
    if not torch.is_grad_enabled():
        return function(*inputs)
    return checkpoint(function, *inputs, use_reentrant=False)


def _recomputed(kind: type[nn.Module]) -> type[nn.Module]:
    """Return the class of layers of a kind, recomputed; its name and its other methods stay."""
    return type(kind.__name__, (Recomputed, kind), {"__module__": kind.__module__})
