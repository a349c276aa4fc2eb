"""Ours: the generated package, through the objects that `specformer train` and `translate` use."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from benchmarks.engines.engine import RATE, Network, Practice, Search
from benchmarks.engines.weights import load_weights
from benchmarks.machine import peak_memory, release_memory, wait_for_device
from compiler.spec.load import load
from compiler.spec.lock import LOCK
from runtime.data.pairs import load_pairs
from runtime.data.sentences import Indices
from runtime.package import Package, load_package
from runtime.training.train_state import TrainState
from runtime.training.validation import validate
from runtime.training.workers import Workers


class Training:
    """A state on one process."""

    def __init__(self, network: Network, practice: Practice) -> None:
        self.device = torch.device(network.device)
        self.pairs = load_pairs(network.pairs)
        package = _practised(load_package(network.package), practice)
        self.state = TrainState(package, self.device, Workers())
        self.state.model.load_state_dict(load_weights(network.weights))

    def train(self, batches: Sequence[Indices]) -> None:
        """One update from each batch, all done when this returns."""
        for rows in batches:
            self.state.update(self.pairs, [rows], RATE)
        wait_for_device(self.device)

    def loss(self, batches: Sequence[Indices]) -> float:
        """Plain cross-entropy in nats a target token, without dropout."""
        state = self.state
        objective = replace(state.validation_objective, is_bfloat16=False)
        return validate(state.model, objective, self.pairs, batches, state.workers).nll

    def rest(self) -> None:
        """Gives back the memory that it needs while it trains alone."""
        release_memory(self.device)

    def peak_memory(self) -> int:
        """The most bytes held so far."""
        return peak_memory(self.device)


def _practised(package: Package, practice: Practice) -> Package:
    """Return the package with a precision and compilation in the place of its spec's."""
    chosen = {"precision": practice.precision, "compile": practice.is_compiled}
    training = package.spec.training.model_copy(update=chosen)
    return replace(package, spec=package.spec.model_copy(update={"training": training}))


class Decoding:
    """The decoder of the runtime."""

    def __init__(self, network: Network, search: Search) -> None:
        self.network, self.search = network, search
        self.device = torch.device(network.device)
        package = load_package(network.package)
        self.decoder = _decoder(_model(package, network), package, search)

    def loss(self, batches: Sequence[Indices]) -> float:
        """Plain cross-entropy in nats a target token."""
        return Training(self.network, Practice()).loss(batches)

    def decode(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """The best translation of each sentence."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.search.is_bfloat16):
            found = self.decoder.decode(sources, n_best=1)
        return [list(best.tokens) for best, *_ in found]

    def close(self) -> None:
        """Ends its workers, where the decoder has any that outlive a call."""
        if hasattr(self.decoder, "close"):
            self.decoder.close()


def _model(package: Package, network: Network) -> nn.Module:
    model = package.model_class().to(network.device)
    model.load_state_dict(load_weights(network.weights))
    return model.eval()


def _decoder(model: nn.Module, package: Package, search: Search) -> Any:
    """Make a decoder as the commands do."""
    # Here, since training needs nothing of it.
    from runtime.inference.batch_decoder import BatchDecoder
    from runtime.inference.load import fastest

    settings = [
        f"decoding.beam={search.beam}",
        f"decoding.stop={'beam' if search.stops_early else 'certain'}",
        f"decoding.max_length={search.longest}",
        f"decoding.max_extra_length={search.longest}",
    ]
    if search.beam > 1:
        settings += ["decoding.normalization=length", "decoding.length_penalty=1"]
    if search.shortest:
        settings.append(f"decoding.min_length={search.shortest}")
    return BatchDecoder(
        fastest(model, int8=search.is_int8),
        load(str(package.folder / LOCK), settings).spec,
        workers=search.workers,
        batch_sentences=search.batch_sentences,
    )
