"""The runtime's own update on the pretended GPU: what it asks of the GPU, and of the host.

`TrainState` makes the network, the optimizer and the average, moves them to the GPU, and makes two
updates and an evaluation. The second update is counted, since the first makes the moments of the
optimizer. Left out is the loop of `Trainer` around it. Functions that the runtime compiles run as
they are written; `compiled.py` counts them as programs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import torch

from runtime.system.attention_kernels import AttentionRecorder, Choice
from runtime.training.batching import padded_kind
from runtime.training.computation import Computation
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers
from tests.gpu import pretend_cuda
from tests.gpu.examples import examples
from tests.gpu.fake_tensors import DEVICE, pretended_gpu
from tests.gpu.ledger import Counts
from tests.gpu.packages import Precision, compiled, with_training

SOURCES, TARGETS = (9, 8, 7, 6, 9, 7), (8, 9, 7, 9, 6, 6)
"""Lengths of the sentences of a batch."""
CAPABILITY = (pretend_cuda.GPU.major, pretend_cuda.GPU.minor)


def update(name: str, precision: Precision) -> dict[str, Any]:
    """Make two updates and an evaluation of a package -> the counts of the second update.

    Raises AssertionError for a result that is not on the GPU.
    """
    package = with_training(compiled(name), precision=precision, compile=False)
    batch = examples(package.spec, SOURCES, TARGETS)
    rows = np.arange(len(batch))
    with pretended_gpu() as ledger, as_written(), AttentionRecorder(CAPABILITY) as recorder:
        chosen = Computation.resolve(package.spec.training, DEVICE)
        padded = replace(chosen, batching=padded_kind(DEVICE))
        state = TrainState(package, torch.device("cuda"), Workers(), padded)
        # A pretended GPU has no streams to record a CUDA graph on: `captured_update` is for that.
        state.update = replace(state.update, captured=None)
        first = state.update(batch, [rows], 1e-3)
        ledger.restart()
        recorder.choices.clear()
        second = state.update(batch, [rows], 1e-3)
        if state.average is not None:
            state.average.follow(state.model, 2)
        counts, choices = ledger.restart(), list(recorder.choices)
        losses = state.validation_objective.evaluate(batch.collate(rows))
        evaluation = ledger.restart()
    for each in (first, second, losses, *state.model.parameters()):
        assert each.device == DEVICE, each.device
    for each in (first, second, losses):
        assert each.dtype == torch.float32, each.dtype
    return described(counts, choices) | {"evaluation_waits": dict(evaluation.waits)}


def captured_update(name: str, precision: Precision) -> dict[str, int]:
    """Make the update that a CUDA graph would record, twice -> the waits of the second one.

    Raises AssertionError for a result that is not on the GPU.
    """
    package = with_training(compiled(name), precision=precision, compile=False)
    batch = examples(package.spec, SOURCES, TARGETS)
    with pretended_gpu() as ledger, as_written():
        state = TrainState(package, torch.device("cuda"), Workers())
        update = state.update.capturing()
        assert update.captured is not None
        moved = [update.objective.moved(batch.collate(np.arange(len(batch))))]
        assert update.captured.takes(moved)
        update.captured._compute()
        ledger.restart()
        figures = update.captured._compute()
        waits = ledger.restart().waits
    assert figures.device == DEVICE
    return dict(waits)


@contextmanager
def as_written() -> Iterator[None]:
    """Let `torch.compile` return the function itself."""
    with mock.patch.object(torch, "compile", lambda function, **_: function):
        yield


def described(counts: Counts, choices: Sequence[Choice]) -> dict[str, Any]:
    """Return counts as a JSON object, and the kernels of attention that the runtime would name."""
    named = Counter(choice.kernel for choice in choices)
    return {
        "kernels": counts.cost.kernels,
        "bytes": int(counts.cost.bytes),
        "attention": dict(sorted(named.items())),
        "fused": dict(sorted(counts.attention.items())),
        "waits": dict(sorted(counts.waits.items())),
    }
