"""Tensors on the pretended GPU that have values, so that loops which look at results can run.

The values lie in the memory of the host; an operation is computed there. What a GPU forbids raises:
an operation on tensors of both devices. `Ledger`, above it, counts where the host would wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from tests.gpu.fake_tensors import DEVICE, constants_by_way_of_host
from tests.gpu.ledger import ATTENTION, Ledger, tensors

MOVES = {"_to_copy", "copy_", "_pack_padded_sequence"}
"""Operations that take tensors of both devices: copies, and lengths that the host must know."""
READS = {"_local_scalar_dense"}


class OnGpu(Tensor):
    """A tensor on the pretended GPU, with its values on the host."""

    values: Tensor

    @staticmethod
    def __new__(cls, values: Tensor) -> "OnGpu":
        """Wrap values of the host, which must not require gradients."""
        made: OnGpu = torch.Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=DEVICE,
        )
        made.values = values
        return made

    def tolist(self) -> Any:
        """Return nested lists of the numbers; PyTorch refuses that of a subclass."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute an operation of the GPU on the values, and return its results on the GPU."""
    name = func._schema.name.split("::")[1]
    if name not in MOVES:
        _check_devices(func, [*tensors(args), *tensors(list(kwargs.values()))])
    is_to_host = name == "_to_copy" and "device" in kwargs and kwargs["device"].type == "cpu"
    moved = dict(kwargs)
    if kwargs.get("device") is not None:
        moved["device"] = torch.device("cpu")
    moved.pop("non_blocking", None)
    moved.pop("pin_memory", None)
    values = tree_map_only(OnGpu, lambda each: each.values, (args, moved))
    out = _attention(name, *values) if name in ATTENTION else func(*values[0], **values[1])
    if is_to_host or name in READS:
        return out
    is_in_place = func._schema.is_mutable and out is values[0][0]
    return args[0] if is_in_place else tree_map_only(Tensor, OnGpu, out)


def _check_devices(func: Any, inputs: list[Tensor]) -> None:
    """Raise RuntimeError if a tensor of the host takes part, but for single numbers."""
    on_host = [each for each in inputs if not isinstance(each, OnGpu) and each.dim()]
    if on_host and len(on_host) < len(inputs):
        raise RuntimeError(f"{func} was called with tensors on cuda:0 and on cpu")


def _attention(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of a fused kernel, as many results as it has; only the first is used."""
    query, key, value, *rest = args
    has_mask = name != "_scaled_dot_product_flash_attention"
    mask = kwargs.get("attn_bias", rest[0] if has_mask and rest else None)
    is_causal = kwargs.get("is_causal", False)
    mixed = F.scaled_dot_product_attention(
        query, key, value, mask, is_causal=is_causal, scale=kwargs.get("scale"), enable_gqa=True
    )
    others = torch.zeros(())
    return (mixed, others, others, others)


class Factories(TorchDispatchMode):
    """Makes new tensors of the GPU tensors with values."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda":
            return computed(func, args, kwargs)
        return func(*args, **kwargs)


@contextmanager
def gpu_with_values() -> Iterator[Ledger]:
    """Make new tensors of the GPU tensors with values, and count what is done on it."""
    with constants_by_way_of_host(), Factories(), Ledger() as ledger:
        yield ledger
