"""Tensors without data on the pretended GPU, and what PyTorch's fake tensors lack for a training.

Import this after `pretend_cuda.load`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import clip_grad
from torch.utils._foreach_utils import _device_has_foreach_support

from tests.gpu.ledger import Ledger

DEVICE = torch.device("cuda", 0)


@contextmanager
def pretended_gpu() -> Iterator[Ledger]:
    """Make all tensors fake, and count what would be done on the GPU.

    Numbers that the host holds, as batches, become fake when they meet a fake tensor.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with constants_by_way_of_host(), mode, Ledger() as ledger:
        yield ledger


@contextmanager
def constants_by_way_of_host() -> Iterator[None]:
    """Let `torch.tensor` make its tensor on the host and move it, so that modes see the copy."""
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(False)


def mend() -> None:
    """Give fake tensors what they lack: copies and moves of modules, fused SGD, Adam by tensor.

    PyTorch computes the norm of plain tensors on a GPU by one kernel for many of them, and so it
    does that of fake ones.
    """
    FakeTensorMode.__deepcopy__ = lambda self, _: self  # type: ignore[method-assign]
    nn.Module._apply = _move  # type: ignore[method-assign, assignment]
    clip_grad._has_foreach_support = lambda _, device: _device_has_foreach_support(device)
    torch.library.register_fake("aten::_fused_sgd_")(_update_nothing)
    for name in ("_fused_adam_", "_fused_adamw_"):
        torch.library.register_fake(f"aten::{name}.tensor_lr")(_update_nothing)


def _move(
    module: nn.Module, convert: Callable[[Tensor], Tensor], recurse: bool = True
) -> nn.Module:
    """Convert parameters and buffers as `nn.Module._apply` does, which cannot swap fake tensors."""
    moved: dict[int, Any] = {}
    for each in module.modules() if recurse else [module]:
        for store in (each._parameters, each._buffers):
            for name, tensor in store.items():
                if tensor is None:
                    continue
                if id(tensor) not in moved:
                    with torch.no_grad():
                        moved[id(tensor)] = (tensor, _converted(tensor, convert))
                store[name] = moved[id(tensor)][1]
    return module


def _converted(tensor: Tensor, convert: Callable[[Tensor], Tensor]) -> Tensor:
    result = convert(tensor)
    if not isinstance(tensor, nn.Parameter):
        return result
    return nn.Parameter(result, requires_grad=tensor.requires_grad)


def _update_nothing(*_: Any, **__: Any) -> None:
    """Stand for a kernel that changes its arguments in place."""
