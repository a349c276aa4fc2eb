"""Estimate the time of an update on an H200 by a roofline model, for `docs/gpu.md`.

The runtime's own update runs on tensors without data, with batches of the size of the paper's, and
each kernel takes the time that `ledger.py` gives it. What the runtime compiles is counted by
Inductor (`compiled.py`).
"""

from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any, Literal

import numpy as np
import torch

from compiler.spec.spec import Spec
from runtime.training.batching import padded_kind
from runtime.training.computation import Computation
from runtime.training.objective import DeviceBatch
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers
from tests.gpu.compiled import counting
from tests.gpu.examples import examples
from tests.gpu.fake_tensors import DEVICE, pretended_gpu
from tests.gpu.ledger import Counts
from tests.gpu.packages import compiled, with_training
from tests.gpu.update import as_written

PAIRS, LENGTH = 600, 41
"""A batch of about 25,000 tokens on each side."""

Form = Literal["written", "loss", "padded", "packed"]
"""The part that is compiled: nothing, output layer and loss, or all of a padded or packed batch."""


def estimate(name: str, form: Form) -> dict[str, Any]:
    """Return kernels, bytes, operations and seconds of an update in bfloat16, and its waits."""
    package = with_training(
        compiled(name), precision="bfloat16", compile=form in ("padded", "packed")
    )
    make = _packed_update if form == "packed" else _padded_update
    with ExitStack() as stack:
        ledger = stack.enter_context(pretended_gpu())
        weights = stack.enter_context(as_written() if form == "written" else counting(ledger))
        chosen = Computation.resolve(package.spec.training, DEVICE)
        kind = "packed" if form == "packed" else padded_kind(DEVICE)
        state = TrainState(package, DEVICE, Workers(), replace(chosen, batching=kind))
        if weights is not None:
            weights.model = state.model
        for _ in range(2):  # the first makes the moments of the optimizer
            ledger.restart()
            make(state, package.spec)
        counts = ledger.counts
    return asdict(counts.cost) | {"waits": dict(counts.waits), "loss": loss_bytes(counts)}


def _padded_update(state: TrainState, spec: Spec) -> None:
    lengths = [LENGTH] * PAIRS
    batch = examples(spec, lengths, lengths)
    state.update(batch, [np.arange(PAIRS)], 1e-3)


def _packed_update(state: TrainState, _: Spec) -> None:
    """Make the update that a CUDA graph records: of tensors of constant shapes."""
    network = state.update.objective.packed
    assert network is not None
    places = PAIRS * LENGTH
    tokens = torch.zeros(places, dtype=torch.int64, device=DEVICE)
    offsets = torch.zeros(PAIRS + 1, dtype=torch.int32, device=DEVICE)
    stream = network.module.Packed(tokens, offsets, LENGTH)
    batch = DeviceBatch(
        inputs=[stream, stream], places=torch.arange(places, device=DEVICE), labels=tokens
    )
    number = torch.zeros((), device=DEVICE)
    state.update._update([batch], number, number)


def loss_bytes(counts: Counts) -> float:
    """Return the bytes that kernels over logits move: the fused ones of the compiled loss."""
    fused = counts.by_op.get("fused kernels")
    return fused.bytes if fused else 0.0
