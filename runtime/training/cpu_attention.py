"""Attention on a CPU, in the form that is fastest for the length of its texts.

PyTorch's fused kernel pays where the scores do not fit into the caches. For short texts plain
products are faster, and in bfloat16 its backward pass takes half of the time of a small network's
update (PyTorch 2.13, a processor with AVX512_BF16).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

LONGEST_OF_PLAIN_PRODUCTS = {"float32": 24, "bfloat16": 2048}
"""Tokens up to which attention is written out; its memory grows with the square of them."""


@contextmanager
def cpu_attention(inputs: Sequence[Any], *, is_bfloat16: bool) -> Iterator[None]:
    """Choose how attention is computed for inputs [batch, position], and in the backward pass."""
    longest = max((each.size(-1) for each in inputs if isinstance(each, Tensor)), default=None)
    most = LONGEST_OF_PLAIN_PRODUCTS["bfloat16" if is_bfloat16 else "float32"]
    if longest is None or longest > most:
        yield
        return
    with sdpa_kernel(SDPBackend.MATH), _bfloat16_products():
        yield


@contextmanager
def _bfloat16_products() -> Iterator[None]:
    """Let plain products have the dtype of what they are given; they add up in float32."""
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)
