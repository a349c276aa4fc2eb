"""The form of the batches: padded as little as can be, padded to few shapes, or packed."""

from typing import Literal

import torch

from compiler.spec.spec import Spec
from runtime.checkpoints.checkpoint import BatchKind
from runtime.data.batches import Batcher, Examples, Padded
from runtime.data.buckets import Buckets
from runtime.data.packing import Packing
from runtime.data.prepare import Prepared
from runtime.training.precision import Precision

Written = Literal["auto", "padded", "packed"]


def choose_batching(
    written: Written, device: torch.device, precision: Precision
) -> tuple[BatchKind, str]:
    """Return the form of batches for a new run, and the reason for it.

    Whether the network can compute packed sentences is not known here.
    """
    if device.type != "cuda":
        if written == "packed":
            return "packed", "as the spec says; slow, since only a GPU has a kernel for them"
        return "padded", "on a CPU" if written == "auto" else "as the spec says"
    if written == "padded":
        return "buckets", "as the spec says"
    if precision == "float32":
        return "buckets", "the kernel for packed sentences takes no float32"
    return "packed", "the fastest on a GPU" if written == "auto" else "as the spec says"


def is_native(kind: BatchKind, written: Written, device: torch.device) -> bool:
    """Tell whether a new run on this device may have batches of this form."""
    return kind != "padded" if device.type == "cuda" else kind in ("padded", written)


def padded_kind(device: torch.device) -> BatchKind:
    """Return the form of batches for a network that cannot compute packed sentences."""
    return "buckets" if device.type == "cuda" else "padded"


def padded_batcher(device: torch.device, examples: Examples, tokens: int) -> Padded | Buckets:
    """Return what makes padded batches of a text that is read once, in few shapes on a GPU."""
    if padded_kind(device) == "padded":
        return Padded(tokens=tokens)
    return Buckets.of(examples, examples, tokens=tokens)


def make_batcher(kind: BatchKind, spec: Spec, prepared: Prepared, processes: int = 1) -> Batcher:
    """Return what makes the batches of a training, which processes share.

    They share each batch unless an update has a whole one for each of them.
    """
    parts = processes if spec.training.accumulate < processes else 1
    tokens, train, valid = spec.training.micro_batch_tokens, prepared.train, prepared.valid
    if kind == "padded":
        return Padded(tokens=tokens)
    if kind == "buckets":
        return Buckets.of(train, valid, tokens=tokens, parts=parts)
    positions = spec.model.positions
    return Packing.of(train, valid, tokens=tokens, positions=positions, parts=parts)
