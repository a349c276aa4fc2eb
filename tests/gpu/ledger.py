"""Count what a GPU would be asked for: kernels, bytes, operations, and where the host would wait.

A kernel takes the longest of: its bytes at the bandwidth of the memory, its operations at the speed
of the arithmetic, and the least time of a kernel. The constants are those of an H200.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

BANDWIDTH = 4.3e12
"""Bytes a second."""
LOW_PRECISION = 790e12 * 0.65
"""Operations a second of bfloat16 products of the sizes of a Transformer: a share of the peak."""
FLOAT32 = 50e12
"""Operations a second of float32 products."""
LEAST = 2.5e-6
"""Seconds of a kernel, at least."""
ATTENTION_SHARE_OF_BANDWIDTH = 0.5
ATTENTION_SHARE_OF_PEAK = 0.3

ATTENTION = {
    "_scaled_dot_product_flash_attention": "flash",
    "_scaled_dot_product_efficient_attention": "memory-efficient",
    "_scaled_dot_product_cudnn_attention": "cuDNN",
    "_varlen_attn": "varlen",
}
"""The fused kernels of attention, as the runtime calls them."""
KERNELS_OF_BACKWARD = 3
OPERATIONS_OF_BACKWARD = 2.5
"""Products of the backward pass of attention, beside those of its forward pass."""
WITHOUT_KERNEL = {
    *("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "lift_fresh"),
    *("detach", "alias", "_unsafe_view", "is_pinned", "_pin_memory", "resize_", "set_"),
}
WRITTEN_ONLY = {"zeros_like", "ones_like", "full_like", "new_full", "new_zeros", "new_ones"}
GATHERED = {"embedding", "index_select", "gather", "index"}
"""Operations that read no more of their first input than they write."""
BLOCKING = {
    *("_local_scalar_dense", "nonzero", "bincount", "masked_select", "_unique2"),
    *("unique_consecutive", "_pack_padded_sequence"),
}
"""Operations whose result, or whose shape, the host needs before it goes on."""


@dataclass(slots=True)
class Cost:
    """A sum over kernels."""

    kernels: int = 0
    bytes: float = 0.0
    operations: float = 0.0
    seconds: float = 0.0

    def add(self, other: "Cost") -> None:
        """Add another sum to this one."""
        self.kernels += other.kernels
        self.bytes += other.bytes
        self.operations += other.operations
        self.seconds += other.seconds


@dataclass(slots=True)
class Counts:
    """A record of some work on a GPU."""

    cost: Cost = field(default_factory=Cost)
    by_op: dict[str, Cost] = field(default_factory=dict)
    attention: Counter[str] = field(default_factory=Counter)
    """Calls of attention by fused kernel."""
    waits: Counter[str] = field(default_factory=Counter)
    """Operations for whose result the host waits."""

    def note(self, name: str, cost: Cost) -> None:
        """Add the cost of an operation."""
        self.cost.add(cost)
        self.by_op.setdefault(name, Cost()).add(cost)


class Ledger(TorchDispatchMode):
    """Counts in `counts` what reaches the dispatcher, between two calls of `restart`."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counts()

    def restart(self) -> Counts:
        """Return the counts so far and begin anew."""
        done, self.counts = self.counts, Counts()
        return done

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.split("::")[1]
        if func.namespace == "prim":
            return func(*args, **kwargs)
        if torch.is_inference_mode_enabled() and func._can_decompose():
            with self:  # outside of inference mode, autograd has done this
                return func.decompose(*args, **kwargs)
        if name == "_pin_memory":
            return _pinned(args[0])
        inputs = [*tensors(args), *tensors(list(kwargs.values()))]
        if any(each.is_cuda for each in inputs) and is_blocking(name, args):
            self.counts.waits[name] += 1
        out = func(*args, **kwargs)
        outputs = list(tensors(out))
        self._count_copy(name, args, outputs, kwargs)
        is_free = func.is_view or name in WITHOUT_KERNEL
        if not is_free and any(each.is_cuda for each in (*inputs, *outputs)):
            self._count(func, name, args, kwargs, inputs, out, outputs)
        return out

    def _count_copy(self, name: str, args: Any, outputs: list[Tensor], kwargs: Any) -> None:
        """Note a copy between host and GPU that is not asynchronous."""
        if name not in ("_to_copy", "copy_") or not outputs:
            return
        source = args[0] if name == "_to_copy" else args[1]
        into = outputs[0]
        if source.is_cuda == into.is_cuda:
            return
        is_async = kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2])
        if not is_async:
            self.counts.waits["to the GPU" if into.is_cuda else "to the host"] += 1

    def _count(
        self,
        func: Any,
        name: str,
        args: Any,
        kwargs: Any,
        inputs: list[Tensor],
        out: Any,
        outputs: list[Tensor],
    ) -> None:
        if (cost := attention(name, args)) is not None:
            if name in ATTENTION:
                self.counts.attention[ATTENTION[name]] += 1
            self.counts.note(name, cost)
            return
        operations = 0.0
        if func._overloadpacket in flop_registry:
            operations = flop_registry[func._overloadpacket](*args, **kwargs, out_val=out)
        is_low = any(each.dtype == torch.bfloat16 for each in inputs)
        moved = bytes_moved(name, args, inputs, outputs)
        self.counts.note(name, kernel(moved, operations, is_low))


def is_blocking(name: str, args: Any) -> bool:
    """Return whether the host waits for an operation: also for an index by booleans."""
    is_index = name in ("index", "index_put", "index_put_", "_index_put_impl_")
    return name in BLOCKING or (
        is_index and any(each.dtype in (torch.bool, torch.uint8) for each in tensors(args[1]))
    )


def kernel(moved: float, operations: float, is_low: bool) -> Cost:
    """Return the cost of one kernel that moves so many bytes and does so many operations."""
    speed = LOW_PRECISION if is_low else FLOAT32
    seconds = max(moved / BANDWIDTH, operations / speed, LEAST)
    return Cost(kernels=1, bytes=moved, operations=operations, seconds=seconds)


def attention(name: str, args: Sequence[Any]) -> Cost | None:
    """Return the cost of a call of a fused kernel of attention; None for another operation."""
    kind = name.removesuffix("_backward")
    if kind not in ATTENTION:
        return None
    is_backward = kind != name
    query, key, value = args[1:4] if is_backward else args[:3]
    longest = args[9 if is_backward else 6] if kind == "_varlen_attn" else None
    return attention_cost(query, key, value, longest, is_backward)


def attention_cost(
    query: Tensor, key: Tensor, value: Tensor, longest: int | None, is_backward: bool
) -> Cost:
    """Return the cost of fused attention; `longest` is the length of the texts of a packed batch.

    query, key, value [batch, heads, position, width], or of a packed batch [place, heads, width]
    """
    times = 2 if is_backward else 1
    moved = times * (sum(map(size, (query, key, value))) + size(query))
    keys = key.size(2) if longest is None else longest
    # Products of queries and keys, and of weights and values: an addition and a multiplication.
    operations = 4.0 * query.numel() * keys * (OPERATIONS_OF_BACKWARD if is_backward else 1)
    low = query.dtype == torch.bfloat16
    speed = (LOW_PRECISION / 0.65 if low else FLOAT32) * ATTENTION_SHARE_OF_PEAK
    kernels = KERNELS_OF_BACKWARD if is_backward else 1
    time = max(moved / (BANDWIDTH * ATTENTION_SHARE_OF_BANDWIDTH), operations / speed)
    return Cost(
        kernels=kernels,
        bytes=moved,
        operations=operations,
        seconds=max(time, LEAST * kernels),
    )


def bytes_moved(name: str, args: Any, inputs: list[Tensor], outputs: list[Tensor]) -> float:
    """Return the bytes that an operation reads and writes."""
    written = sum(map(size, outputs))
    if name == "scatter_add_":
        return 3 * size(args[3])
    if name in GATHERED:
        return 2 * written
    return written if name in WRITTEN_ONLY else written + sum(map(size, inputs))


def size(tensor: Tensor) -> int:
    """Return the bytes of a tensor."""
    return tensor.numel() * tensor.element_size()


def tensors(tree: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists and tuples."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, list | tuple):
        for each in tree:
            yield from tensors(each)


def _pinned(tensor: Tensor) -> Tensor:
    """Return the tensor itself: a tensor without data has no memory to pin."""
    return tensor
