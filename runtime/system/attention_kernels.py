"""The kernels that compute scaled dot-product attention on a GPU.

On an H100 or H200 PyTorch would give most calls in bfloat16 to cuDNN, which builds an execution
plan for each new shape, in half a second, and batches have thousands of shapes; with a mask its
backward pass has given NaN, too (pytorch issue 196678). The runtime therefore leaves cuDNN out.
The choice among the other kernels is PyTorch's own (`sdp_utils.cpp`), and is repeated here so that
it can be said before a training, and tested without a GPU.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Kernel = Literal["flash", "memory-efficient", "math", "written out", "flex", "varlen"]
Capability = tuple[int, int]
"""The generation of a GPU, as `torch.cuda.get_device_capability` tells it: (9, 0) for an H200."""

AMPERE: Capability = (8, 0)
"""The first generation that has bfloat16 and FlashAttention."""
WIDEST_FLASH_HEAD = 256
LOW_PRECISION = (torch.bfloat16, torch.float16)


def choose_attention_kernels(device: torch.device) -> None:
    """Leave cuDNN out of the kernels of attention, if the device is a GPU."""
    if device.type == "cuda":
        torch.backends.cuda.enable_cudnn_sdp(False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionCall:
    """The properties of a call of `F.scaled_dot_product_attention` that decide its kernel.

    `dtype` is that of query, key and value, None if they differ; `mask_stride` that of the keys in
    the mask, None without a mask. The dtype of a mask, and dropout, decide nothing without cuDNN.
    """

    dtype: torch.dtype | None
    d_k: int
    d_v: int
    heads: int = 1
    kv_heads: int = 1
    queries: int = 2
    keys: int = 2
    mask_stride: int | None = None
    is_causal: bool = False

    @classmethod
    def of(
        cls,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,  # noqa: ARG003
        is_causal: bool = False,
        **_: Any,
    ) -> Self:
        """Describe a call, given its arguments; autocast, if on, decides the dtype."""
        kind = query.device.type
        dtypes = {each.dtype for each in (query, key, value)}
        has_autocast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
        if has_autocast and torch.float64 not in dtypes:
            dtypes = {torch.get_autocast_dtype(kind)}
        return cls(
            dtype=dtypes.pop() if len(dtypes) == 1 else None,
            d_k=query.size(-1),
            d_v=value.size(-1),
            heads=query.size(-3),
            kv_heads=key.size(-3),
            queries=query.size(-2),
            keys=key.size(-2),
            mask_stride=None if attn_mask is None else attn_mask.stride(-1),
            is_causal=is_causal,
        )

    def no_flash(self, capability: Capability) -> str:
        """Return why the flash kernel cannot compute this call; empty if it can."""
        if self.dtype not in LOW_PRECISION:
            return _named(self.dtype)
        if capability < AMPERE:
            return "the GPU's age"
        if self.mask_stride is not None:
            return "masks"
        if self.d_k != self.d_v:
            return "values of another width than keys"
        if self.d_k > WIDEST_FLASH_HEAD:
            return f"heads wider than {WIDEST_FLASH_HEAD}"
        if self.is_causal and self.queries != self.keys:
            return "a causal mask over another number of keys than of queries"
        return ""

    def no_memory_efficient(self, capability: Capability) -> str:
        """Return why the memory-efficient kernel cannot compute this call; empty if it can."""
        known = (torch.float32, torch.float16)
        if self.dtype not in ((*known, torch.bfloat16) if capability >= AMPERE else known):
            return _named(self.dtype)
        multiple = _alignment(self.dtype, capability)
        if self.d_k % multiple or self.d_v % multiple:
            return f"heads whose width is no multiple of {multiple}"
        if self.heads != self.kv_heads:
            return "grouped heads"
        if self.mask_stride not in (None, 1):
            return "masks whose keys do not lie side by side"
        return ""


def _named(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.") if dtype else "mixed dtypes"


def _alignment(dtype: torch.dtype | None, capability: Capability) -> int:
    """Return the number of which the memory-efficient kernel wants a head's width a multiple."""
    if dtype in LOW_PRECISION:
        return 8 if capability >= (7, 0) else 1
    return 4 if capability >= AMPERE else 1


@dataclass(frozen=True, slots=True)
class Choice:
    """The kernel of a call, and why no faster one can compute it; empty if none is faster."""

    kernel: Kernel
    reason: str = ""


def kernel_of(call: AttentionCall, capability: Capability) -> Choice:
    """Return the kernel that PyTorch 2.11 to 2.13 takes for a call on a GPU, cuDNN left out."""
    no_flash = call.no_flash(capability)
    if not no_flash:
        return Choice("flash")
    no_memory_efficient = call.no_memory_efficient(capability)
    if not no_memory_efficient:
        return Choice("memory-efficient", no_flash)
    reasons = dict.fromkeys((no_flash, no_memory_efficient))
    return Choice("math", " and ".join(reasons))


class AttentionRecorder(TorchFunctionMode):
    """While active, it records the kernels of the attention that PyTorch's functions compute."""

    def __init__(self, capability: Capability) -> None:
        super().__init__()
        self.capability = capability
        self.choices: list[Choice] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            self.choices.append(kernel_of(AttentionCall.of(*args, **kwargs), self.capability))
        elif func is torch.ops.higher_order.flex_attention:
            self.choices.append(Choice("flex"))
        elif getattr(func, "__name__", "") == "_varlen_attn":
            self.choices.append(Choice("varlen"))
        elif func is Tensor.softmax and args[0].dim() == 4:  # scores [batch, heads, queries, keys]
            self.choices.append(Choice("written out", "capped scores"))
        return func(*args, **kwargs)


def recorded_choices(
    network: Callable[[], object], capability: Capability, devices: Iterable[torch.device] = ()
) -> list[Choice]:
    """Call a network once and return the kernels of its attention, in the order of the calls.

    What was compiled runs as it is written. On the CPU and on these devices random numbers go on as
    if nothing had been drawn.
    """
    with (
        torch.no_grad(),
        torch.random.fork_rng(devices),
        torch.compiler.set_stance("force_eager"),
        AttentionRecorder(capability) as recorder,
    ):
        network()
    return recorder.choices


def in_words(choices: Iterable[Choice]) -> str:
    """Return, for instance, `attention: flash in 6 sub-layers, memory-efficient in 12 because of
    masks`; empty if there is no attention.
    """
    counts = Counter(choices).most_common()
    parts = []
    for place, (choice, count) in enumerate(counts):
        unit = "" if place else " sub-layer" if count == 1 else " sub-layers"
        reason = f" because of {choice.reason}" if choice.reason else ""
        parts.append(f"{choice.kernel} in {count}{unit}{reason}")
    return "attention: " + ", ".join(parts) if parts else ""
