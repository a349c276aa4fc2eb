"""Modules that are called without a search for hooks, as a step of decoding is mostly calls.

A step of one sentence is some two hundred operations of a few microseconds. `nn.Module` adds half
as much: each call looks for hooks, and an attribute that is a parameter or a module is looked for
everywhere else first.
"""

from torch import nn


def call_directly(model: nn.Module) -> None:
    """Let every call of a module of the network be one of its `forward`, in place.

    No number changes. What comes after is decoding alone: hooks are not called any more, and
    parameters and modules must not be replaced.
    """
    kinds = {type(module): _direct(type(module)) for module in model.modules()}
    for module in model.modules():
        for members in (module._parameters, module._buffers, module._modules):
            vars(module).update(members)
        module.__class__ = kinds[type(module)]


def _direct(kind: type[nn.Module]) -> type[nn.Module]:
    """Return a class like this one, whose instances are called as functions are."""
    return type(kind.__name__, (kind,), {"__call__": kind.forward, "__module__": kind.__module__})
