"""Losses and gradients of random networks, to compare ways of computing them."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from runtime.data.batches import Batch
from runtime.data.symbols import PADDING
from runtime.package import Package, load_package
from runtime.training.objective import Objective, training_objective
from tests.support.knobs import Tree
from tests.support.packages import compile_tree

LENGTHS = {"source": (5, 3, 6, 1), "target": (4, 7, 1, 5), "tokens": (4, 7, 1, 5)}
"""Tokens of each sentence of a batch, by the stream; the shorter ones are padded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A network of a random spec, and a batch for it."""

    package: Package
    model: nn.Module
    batch: Batch

    def objective(self) -> Objective:
        """Return the objective in the precision that the spec writes, by default float32."""
        training, device = self.package.spec.training, torch.device("cpu")
        if training.precision == "auto":
            training = training.model_copy(update={"precision": "float32"})
        return training_objective(self.model, self.package.training_module, training, device)


def drawn(tree: Tree, folder: Path) -> Drawn:
    """Compile a spec, and draw the weights of its network and a batch of four sentences."""
    compiled = compile_tree(tree, folder)
    place = folder / f"package-{len(list(folder.iterdir()))}"
    compiled.write(place)
    package = load_package(place)
    torch.manual_seed(7)
    model = package.model_class()
    return Drawn(package=package, model=model, batch=batch_for(package, model))


def batch_for(package: Package, model: nn.Module) -> Batch:
    """Draw tokens of each stream of a network, and labels for some of its features."""
    streams = [each for each in signature(model.features).parameters if each != "segments"]  # type: ignore[arg-type]
    is_of_pairs = package.spec.task == "embedding"
    streams *= 1 + is_of_pairs  # both sides go through one encoder
    vocabulary = package.spec.model.vocabulary
    rows = {stream: getattr(vocabulary, stream, None) or vocabulary.size for stream in streams}
    generator = np.random.default_rng(3)
    inputs = []
    for stream in streams:
        lengths = LENGTHS[stream]
        tokens = generator.integers(4, rows[stream], (len(lengths), max(lengths)))
        for row, length in enumerate(lengths):
            tokens[row, length:] = PADDING
        inputs.append(tokens)
    if is_of_pairs:
        count = len(inputs[0])
        texts = np.array([(0, 1), (2, 3), (0, 4), (5, 3)])  # two sources are one text, two targets
        return Batch(inputs=tuple(inputs), places=np.arange(count), labels=texts)
    classifier = package.spec.model.classifier
    if classifier is not None:
        places, most = np.arange(len(inputs[0])), classifier.classes
    else:
        places, most = np.flatnonzero(inputs[-1] != PADDING), rows[streams[-1]]
    labels = generator.integers(0 if classifier else 4, most, len(places))
    return Batch(inputs=tuple(inputs), places=places, labels=labels)


def loss_and_gradients(
    network: Drawn, objective: Objective | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return both losses [2] of the batch a label and the gradients by name, which are removed."""
    objective = objective or network.objective()
    count = len(network.batch.labels)
    losses = objective.add_gradients(network.batch, 1 / count) / count
    gradients = {
        name: parameter.grad
        for name, parameter in network.model.named_parameters()
        if parameter.grad is not None
    }
    network.model.zero_grad()
    return losses, gradients


def without_dropout(part: Any) -> Any:
    """Return a spec of the same network that draws no random numbers."""
    if isinstance(part, dict):
        return {
            key: 0.0 if key in ("dropout", "stochastic_depth") else without_dropout(below)
            for key, below in part.items()
        }
    return [without_dropout(each) for each in part] if isinstance(part, list) else part


def assert_same_gradients(
    got: tuple[Tensor, dict[str, Tensor]],
    expected: tuple[Tensor, dict[str, Tensor]],
    tolerance: float = 1e-5,
) -> None:
    """Fail unless losses and gradients agree relative to the largest number of each tensor."""
    assert_close(got[0], expected[0], tolerance, "losses")
    assert got[1].keys() == expected[1].keys()
    for name, gradient in got[1].items():
        assert_close(gradient, expected[1][name], tolerance, name)


def assert_close(got: Tensor, expected: Tensor, tolerance: float, name: str) -> None:
    assert expected.isfinite().all(), name
    bound = tolerance * max(expected.abs().max().item(), 1e-6)
    torch.testing.assert_close(got, expected, rtol=0.0, atol=bound, msg=lambda m: f"{name}: {m}")


def kept_bytes(model: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Return what autograd keeps of a forward pass, weights aside, each storage once."""
    weights = {each.untyped_storage().data_ptr() for each in model.parameters()}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []  # so that no two storages have the same address

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            alive.append(tensor)
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        features = model.features(*inputs)  # type: ignore[operator]
    assert features.requires_grad
    return sum(kept.values())
