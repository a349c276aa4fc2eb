"""Linear maps in 8-bit integers, for a CPU: weights rounded once, inputs at each call."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Int8Weight(nn.Parameter):
    """A matrix [outputs, inputs] that `F.linear` multiplies by in 8-bit integers.

    Each row has a scale of its own, each input of a call one for all (dynamic quantization), and
    sums are exact integers. Anything but `F.linear` sees the float32 numbers, so that a table
    which embeds and projects does both.
    """

    packed: Any
    """Made at the first product: a table that only embeds needs none."""

    def __new__(cls, weight: Tensor) -> "Int8Weight":
        own = torch.Tensor._make_subclass(cls, weight.detach(), False)
        own.packed = None
        return own

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called in place of any function of torch that is given such a weight."""
        with torch._C.DisableTorchFunctionSubclass():
            if func is F.linear:
                return _linear(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))


def quantized(model: nn.Module) -> nn.Module:
    """A copy of a network on the CPU, in evaluation mode, whose linear maps are in 8 bits."""
    model = copy.deepcopy(model).eval()
    own: dict[int, Int8Weight] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() == 2:
                # A matrix with two uses stays one.
                shared = own.setdefault(id(parameter), Int8Weight(parameter))
                module.register_parameter(name, shared)
    return model


def _linear(x: Tensor, weight: Int8Weight, bias: Tensor | None = None) -> Tensor:
    """x [..., inputs] -> [..., outputs]"""
    if weight.packed is None:
        weight.packed = _pack(weight, bias)
    # Seven bits for the inputs: without VNNI, pairs of products are added up in 16 bits.
    result: Tensor = torch.ops.quantized.linear_dynamic(x, weight.packed, True)
    return result


def _pack(weight: Tensor, bias: Tensor | None) -> Any:
    """Weight and bias as fbgemm wants them: -127..127, symmetric, a scale for each row."""
    scales = weight.abs().amax(dim=1).clamp(min=1e-12).double() / 127
    zeros = torch.zeros_like(scales, dtype=torch.int64)
    with warnings.catch_warnings():
        # torch means to drop quantized tensors one day; every release that we support has them.
        warnings.simplefilter("ignore", UserWarning)
        rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        return torch.ops.quantized.linear_prepack(rounded, bias)
