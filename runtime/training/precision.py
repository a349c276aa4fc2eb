"""The precision of matrix products: chosen for a device where a spec or a command leaves it open.

Weights, sums and the softmax of the loss are float32 in any case.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, cast

import torch
from torch import nn

Precision = Literal["float32", "bfloat16"]
Wanted = Literal["auto", "float32", "bfloat16"]

AS_WRITTEN = "as the spec says"
"""The reason for a precision that `auto` has not chosen."""


def choose_precision(wanted: Wanted, device: torch.device) -> tuple[Precision, str]:
    """Return the precision that a device computes in, and the reason in words."""
    if wanted != "auto":
        return wanted, AS_WRITTEN
    if device.type == "cuda":
        return _of_gpu(device)
    if device.type != "cpu":
        return "float32", f"no instructions of {device.type} are known"
    if (instructions := bfloat16_instructions()) is None:
        return "float32", "this CPU has no instructions for bfloat16"
    return "bfloat16", f"this CPU has {instructions}"


def _of_gpu(device: torch.device) -> tuple[Precision, str]:
    with torch.cuda.device(device):
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bfloat16", "this GPU has it"
    return "float32", "this GPU has no bfloat16"


def bfloat16_instructions() -> str | None:
    """Return the name of this CPU's instructions for products in bfloat16; None without any."""
    if torch.cpu._is_amx_tile_supported():
        return "AMX"
    return "AVX512_BF16" if torch.cpu._is_avx512_bf16_supported() else None


def inference_precision(
    wanted: Precision | None, written: Wanted, device: torch.device
) -> Precision:
    """Return the precision of a trained network, whose spec has `written` that of its training.

    By default it is bfloat16 on a GPU that has it, unless the spec writes float32.
    """
    if wanted is not None:
        return wanted
    if device.type != "cuda" or written == "float32":
        return "float32"
    return choose_precision("auto", device)[0]


_PRECISION = "inference_precision"
"""The attribute of a network that `compute_in` sets."""


def compute_in(network: nn.Module, precision: Precision) -> nn.Module:
    """Let a trained network compute in a precision, in each context of `autocast_of`."""
    setattr(network, _PRECISION, precision)
    return network


def autocast_of(network: object) -> torch.autocast:
    """Return the context for texts that a network reads or writes, in the precision of its own.

    It casts each weight once: whoever decodes enters it for a batch, not for a step.
    """
    is_bfloat16 = getattr(network, _PRECISION, "float32") == "bfloat16"
    device = next(cast(nn.Module, network).parameters()).device
    return torch.autocast(device.type, torch.bfloat16, enabled=is_bfloat16)


@contextmanager
def float32_products(*, tf32: bool) -> Iterator[None]:
    """Let a GPU multiply float32 numbers in TF32, or forbid it, until the context ends.

    TF32 rounds the factors to 10 bits of mantissa and adds up in float32.
    """
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
