"""Rows of padding, which fill up batches of few shapes, change neither losses nor gradients."""

from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from torch import Tensor

from runtime.data.batches import Batch, Joined
from tests.support.examples import random_examples
from tests.support.knobs import Tree
from tests.support.objectives import Drawn, drawn, without_dropout
from tests.support.strategies import specs

CLOSE = 1e-3
"""The largest difference, as a share of the largest number of a tensor."""


@settings(max_examples=25)
@given(tree=specs().map(without_dropout))
def test_rows_and_columns_of_padding_change_nothing(tree: Tree, tmp_path: Path) -> None:
    network = drawn(tree, tmp_path)
    examples = random_examples(network.package.spec, count=5, longest=8)
    joined = examples.joined(np.arange(len(examples)))
    exact = losses_and_gradients(network, joined.padded())
    filled = losses_and_gradients(network, joined.padded(larger(joined)))
    for name, numbers in exact.items():
        size = numbers.abs().max().clamp(min=1e-2)  # sums of float32 that nearly cancel
        assert (filled[name] - numbers).abs().max() <= CLOSE * size, name


def larger(joined: Joined) -> tuple[int, ...]:
    """Return a shape with three more rows than there are examples, and one more column a side."""
    return len(joined.lengths[0]) + 3, *(int(each.max()) + 1 for each in joined.lengths)


def losses_and_gradients(network: Drawn, batch: Batch) -> dict[str, Tensor]:
    """Return both losses and the gradients of all parameters that have one."""
    network.model.zero_grad()
    objective = network.objective()
    losses = objective.add_gradients(batch, 1 / len(batch.labels))
    gradients = {
        name: parameter.grad.clone()
        for name, parameter in network.model.named_parameters()
        if parameter.grad is not None
    }
    assert torch.isfinite(losses).all()
    return {"losses": losses, **gradients}
