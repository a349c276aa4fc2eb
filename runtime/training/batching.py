"""The choice of batches for a machine: padded as little as can be, or of few shapes for a GPU."""

import torch

from runtime.checkpoints.checkpoint import BatchKind
from runtime.data.batches import Batcher, Padded
from runtime.data.buckets import MOST, Buckets
from runtime.data.prepare import Prepared


def choose(device: torch.device) -> BatchKind:
    """Return the kind of batches for a new run."""
    return "buckets" if device.type == "cuda" else "padded"


def described(kind: BatchKind) -> str:
    """Return a kind of batches in words."""
    return {
        "padded": "padded batches",
        "buckets": f"padded batches of at most {MOST} shapes",
    }[kind]


def make_batcher(kind: BatchKind, prepared: Prepared, *, tokens: int, parts: int = 1) -> Batcher:
    """Return what makes batches of at most `tokens` tokens, each shared by `parts` processes."""
    if kind == "padded":
        return Padded(tokens=tokens)
    return Buckets.of(prepared.train, prepared.valid, tokens=tokens, parts=parts)
