"""What a compiled training makes of an epoch: the shapes of its batches, its programs and breaks.

The graphs that Dynamo finds run on a CPU as they are, so this needs no GPU, pretended or not;
`dropout` takes the branch of a GPU. Batches are those that the runtime makes for a GPU.
"""

import sys
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from compiler.spec.spec import Spec
from runtime.data.batches import Batch, Batched, Batcher, Examples, Padded, Stream, batches
from runtime.data.buckets import Buckets
from runtime.data.packing import Packing
from runtime.training.objective import training_objective
from tests.gpu.examples import examples
from tests.gpu.packages import compiled, with_training

CPU = torch.device("cpu")
PAIRS, LONGEST, TOKENS = 1200, 48, 1000
"""Pairs of sentences, the tokens of the longest, and those of a batch."""
TRAINED = 12
"""Batches of different shapes that a compiled network is given."""


def corpus(spec: Spec) -> Examples:
    """Return examples of many lengths, most of them short."""
    draws = np.random.default_rng(0)
    sources = np.clip(draws.lognormal(2.5, 0.5, PAIRS), 3, LONGEST).astype(int)
    targets = np.clip(sources + draws.integers(-3, 4, PAIRS), 3, LONGEST).astype(int)
    return examples(spec, sources.tolist(), targets.tolist())


def batchers(text: Examples) -> dict[str, Batcher]:
    """Return what divides a text into batches, by the name of the form."""
    return {
        "padded": Padded(tokens=TOKENS),
        "buckets": Buckets.of(text, text, tokens=TOKENS),
        "packed": Packing.of(text, text, tokens=TOKENS),
    }


def shape(batch: Batch) -> tuple[int, ...]:
    """Return the lengths by which the inputs of batches differ."""
    streams = (each for each in batch.inputs if isinstance(each, Stream))
    packed = [number for each in streams for number in (len(each.tokens), len(each.offsets))]
    padded = [each.shape for each in batch.inputs if not isinstance(each, Stream)]
    return (*packed, *(number for each in padded for number in each))


def shapes(text: Examples, batcher: Batcher) -> tuple[int, int, float]:
    """Return the numbers of batches and of shapes of an epoch, and the share of real places."""
    order, laid_out = (
        batches(text, batcher, seed=1, epoch=1),
        Batched(examples=text, batcher=batcher),
    )
    found = [laid_out.collate(rows) for rows in order]
    real = sum(int(each.sum()) for each in text.lengths)
    places = sum(
        len(each.tokens) if isinstance(each, Stream) else each.size
        for batch in found
        for each in batch.inputs
    )
    return len(order), len({shape(each) for each in found}), real / places


def programs(name: str) -> dict[str, int]:
    """Train a compiled network by batches of several shapes -> programs and graph breaks."""
    package = with_training(compiled(name), precision="float32", compile=True)
    text = corpus(package.spec)
    counter, compile_ = CompileCounter(), torch.compile
    torch._dynamo.reset()
    counters.clear()
    with mock.patch.object(
        torch, "compile", lambda each, **how: compile_(each, backend=counter, **how)
    ):
        objective = training_objective(
            package.model_class(), package.training_module, package.spec.training, CPU
        )
    given = Batched(examples=text, batcher=Buckets.of(text, text, tokens=TOKENS))
    seen: dict[tuple[int, ...], Batch] = {}
    for rows in batches(text, given.batcher, seed=1, epoch=1):
        batch = given.collate(rows)
        seen.setdefault(shape(batch), batch)
    # On a CPU `dropout` draws random numbers in a way of its own, at which the graph breaks.
    with mock.patch.object(sys.modules[package.model_class.__module__], "dropout", F.dropout):
        for batch in list(seen.values())[:TRAINED]:
            objective.add_gradients(batch, 1.0)
    torch._dynamo.reset()
    return {
        "shapes": min(len(seen), TRAINED),
        "programs": counter.frame_count,
        "breaks": sum(counters["graph_break"].values()),
    }
