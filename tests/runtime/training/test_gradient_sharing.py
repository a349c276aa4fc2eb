"""Gradients travel in buckets, while the backward pass still computes others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.testing._internal.distributed.fake_pg import FakeStore

from runtime.data.batches import Examples
from runtime.data.prepare import prepare
from runtime.package import load_package
from runtime.training import gradient_sharing
from runtime.training.gradient_sharing import BucketedSharing, divided
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
CPU = torch.device("cpu")
SMALL, SMALLER = 4000, 1000
"""Sizes of buckets in bytes, of which the tiny network fills several."""


@pytest.fixture
def eight() -> Iterator[Workers]:
    """The fourth of eight processes, among which nothing is really sent."""
    dist.init_process_group("fake", rank=3, world_size=8, store=FakeStore())
    yield Workers(rank=3, size=8)
    dist.destroy_process_group()


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The bytes of each collective, and None where the backward pass through the network ends."""
    seen: list[Any] = []
    all_reduce, backward = dist.all_reduce, BucketedSharing.backward

    def counted(tensor: Tensor, *arguments: Any, **options: Any) -> Any:
        seen.append(tensor.nbytes)
        return all_reduce(tensor, *arguments, **options)

    def ended(*arguments: Any, **options: Any) -> None:
        backward(*arguments, **options)
        seen.append(None)

    monkeypatch.setattr(dist, "all_reduce", counted)
    monkeypatch.setattr(BucketedSharing, "backward", ended)
    return seen


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_sharing, "BUCKET_BYTES", SMALL)
    monkeypatch.setattr(gradient_sharing, "FIRST_BUCKET_BYTES", SMALLER)


class Training:
    """A network of one process of several, and the pairs that it learns."""

    def __init__(self, package: Path, cache: Path, workers: Workers) -> None:
        loaded = load_package(package)
        self.state = TrainState(loaded, CPU, workers)
        self.pairs: Examples = prepare(loaded.spec, cache, report=lambda _: None).train

    def update(self, rows: int, micro_batches: int = 1) -> Tensor:
        batches = np.array_split(np.arange(rows), micro_batches)
        return self.state.update(self.pairs, batches, 0.01)

    def bytes_of_gradients(self) -> int:
        return sum(each.nbytes for each in self.state.model.parameters())


@pytest.fixture
def training(tmp_path: Path, make_package: Make, eight: Workers) -> Training:
    return Training(make_package(dropout=0.0), tmp_path / "cache", eight)


def test_an_update_sends_each_gradient_once_and_three_figures(
    training: Training, events: list[Any]
) -> None:
    training.update(40)
    events.clear()
    training.update(40)
    sent = [each for each in events if each is not None]
    assert sum(sent) == training.bytes_of_gradients() + 3 * 4
    largest = max(each.nbytes for each in training.state.model.parameters())
    assert len(sent) == 6
    assert max(sent) < SMALL + largest


def test_all_but_the_last_bucket_are_sent_within_the_backward_pass(
    training: Training, events: list[Any]
) -> None:
    training.update(40)
    events.clear()
    training.update(40, micro_batches=17)
    assert [each is None for each in events] == [True, *[False] * 5, True, False]


def test_a_process_without_a_row_sends_the_same(training: Training, events: list[Any]) -> None:
    training.update(40)
    events.clear()
    training.update(40)
    usual = [each for each in events if each is not None]
    events.clear()
    training.update(2)
    assert events == usual


def test_the_gradient_of_an_own_output_layer_is_sent_first(
    tmp_path: Path, make_package: Make, eight: Workers, events: list[Any]
) -> None:
    """It is complete before the backward pass through the network begins."""
    package = make_package(dropout=0.0)
    untie(package / "model.py")
    training = Training(package, tmp_path / "cache", eight)
    training.update(40)
    events.clear()
    training.update(40)
    output = training.state.model.get_parameter("output.weight")
    assert events[0] == output.nbytes
    assert (len(events), events.index(None)) == (8, 6)


def untie(model: Path) -> None:
    """Give a network an output layer of its own."""
    text = model.read_text()
    for old, new in (
        ("F.linear(features, self.embedding.weight)", "self.output(features)"),
        (
            "self.embedding = embedding(VOCABULARY, D_MODEL)",
            "self.embedding = embedding(VOCABULARY, D_MODEL)\n"
            "        self.output = nn.Linear(D_MODEL, VOCABULARY, bias=False)",
        ),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    model.write_text(text)


def test_a_gradient_that_changes_after_it_was_sent_is_noticed(
    tmp_path: Path, make_package: Make, eight: Workers
) -> None:
    package = make_package(dropout=0.0)
    untie(package / "model.py")
    training = Training(package, tmp_path / "cache", eight)
    training.update(40)
    weight = training.state.model.get_parameter("output.weight")
    sharing = training.state.update.sharing
    with pytest.raises(RuntimeError, match="changed after it was shared"):
        sharing.backward(weight.sum(), None)


def test_the_wish_to_stop_travels_with_the_gradients(training: Training) -> None:
    sharing = training.state.update.sharing
    training.update(40)
    sharing.request_stop()
    assert not sharing.is_stop_agreed()
    training.update(40)
    assert sharing.is_stop_agreed()


def test_a_parameter_without_a_gradient_is_sent_as_zero(training: Training) -> None:
    """An expert that no token has chosen, for example."""
    training.update(40)
    training.update(2)
    weight = next(training.state.model.parameters())
    seen: list[Tensor] = []
    training.state.optimizer.register_step_pre_hook(lambda *_: seen.append(weight.grad.clone()))
    training.update(2)
    assert torch.equal(seen[0], torch.zeros_like(weight))


def test_buckets_close_at_their_size() -> None:
    sizes = [500, 1000, 1500, 5000, 1000, 1000, 3500, 500]
    parameters = [torch.nn.Parameter(torch.empty(size // 4)) for size in sizes]
    groups = divided(parameters, SMALLER)
    assert [[each.nbytes for each in group] for group in groups] == [
        [500, 1000],
        [1500, 5000],
        [1000, 1000, 3500],
        [500],
    ]
