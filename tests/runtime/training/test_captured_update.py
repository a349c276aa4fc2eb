"""The update that a GPU would record, computed on a CPU: it is the usual one, and never waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from runtime.data.prepare import prepare
from runtime.package import load_package
from runtime.training.captured_update import (
    WARM_UP,
    CapturedUpdate,
    _capturable,
    is_capturable,
)
from runtime.training.metrics import read_figures
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers

pytestmark = pytest.mark.quick

CPU = torch.device("cpu")
HALVES = [np.arange(20), np.arange(20, 40)]
UPDATES = 6
CALL = CapturedUpdate.__call__

Make = Callable[..., Path]


class Setup:
    """A network with dropout, its pairs, and states that make captured or plain updates."""

    def __init__(self, package: Path, cache: Path) -> None:
        self.package = load_package(package)
        self.pairs = prepare(self.package.spec, cache, report=lambda _: None).train

    def state(self, *, is_captured: bool) -> TrainState:
        state = TrainState(self.package, CPU, Workers())
        state.update = state.update.capturing() if is_captured else state.update
        return state

    def train(self, state: TrainState, updates: range) -> list[Tensor]:
        """Make updates, each of two batches whose rows are in another order -> their figures."""
        found = []
        for step in updates:
            torch.manual_seed(step)  # states of one process share its random numbers
            order = np.random.default_rng(step).permutation(20)
            batches = [half[order] for half in HALVES]
            found.append(state.update(self.pairs, batches, 0.01 / (step + 1)))
        return found


@pytest.fixture
def setup(tmp_path: Path, make_package: Make) -> Setup:
    return Setup(make_package(dropout=0.1, clip_norm=1.0), tmp_path / "cache")


def assert_same(one: TrainState, other: TrainState) -> None:
    for kind in (TrainState.weights, TrainState.other_tensors):
        torch.testing.assert_close(kind(one), kind(other), rtol=1e-4, atol=1e-6)


def test_the_captured_update_is_the_usual_one(setup: Setup) -> None:
    """It has fillers among its labels, and rate and weight as tensors; dropout draws the same."""
    usual, captured = setup.state(is_captured=False), setup.state(is_captured=True)
    expected = setup.train(usual, range(UPDATES))
    figures = setup.train(captured, range(UPDATES))
    static, _ = captured.update.captured._static
    assert static.labels.eq(-1).any()
    assert len(static.labels) <= static.inputs[-1].numel(), "no more than there are places"
    torch.testing.assert_close(torch.stack(figures), torch.stack(expected), rtol=1e-4, atol=1e-6)
    assert_same(captured, usual)


def test_it_goes_on_from_a_checkpoint(setup: Setup) -> None:
    whole, first = setup.state(is_captured=True), setup.state(is_captured=True)
    setup.train(whole, range(UPDATES))
    setup.train(first, range(3))
    weights = {name: each.clone() for name, each in first.weights().items()}
    rest = {name: each.clone() for name, each in first.other_tensors().items()}
    second = setup.state(is_captured=True)
    second.load(weights, rest, 3)
    setup.train(second, range(3, UPDATES))
    assert_same(second, whole)


def test_an_update_of_another_shape_is_made_as_it_is_written(setup: Setup) -> None:
    usual, captured = setup.state(is_captured=False), setup.state(is_captured=True)
    for state in (usual, captured):
        setup.train(state, range(1))
        if state.update.captured is not None:
            state.update.captured._graph = object()  # type: ignore[assignment]
        torch.manual_seed(7)
        state.update(setup.pairs, [np.arange(7)], 0.01)
        setup.train(state, range(1, 2))
    assert captured.update.captured._updates == 2
    assert_same(captured, usual)


def test_the_rest_of_an_epoch_does_not_decide_the_shape(setup: Setup) -> None:
    """A run may be continued there: with a shape of its own, nothing would ever be recorded."""
    captured = setup.state(is_captured=True)
    captured.update(setup.pairs, [np.arange(7)], 0.01)
    setup.train(captured, range(UPDATES))
    assert captured.update.captured._updates == UPDATES


def test_an_optimizer_may_be_recorded_at_the_recording_alone(setup: Setup) -> None:
    """PyTorch warns of any other step of an optimizer that says it may be recorded."""
    optimizer = setup.state(is_captured=False).optimizer
    with _capturable(optimizer):
        assert all(group["capturable"] for group in optimizer.param_groups)
    assert not any(group["capturable"] for group in optimizer.param_groups)


class Waits(TorchDispatchMode):
    """Raises at ops for whose results the host of a GPU waits."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal")

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func._schema.name.removeprefix("aten::")
        assert not name.startswith(self.WAITING), f"{name} waits"
        return func(*args, **(kwargs or {}))


def test_it_waits_for_nothing(setup: Setup) -> None:
    state = setup.state(is_captured=True)
    setup.train(state, range(1))
    captured = state.update.captured
    with Waits():
        captured._compute()
    with pytest.raises(AssertionError, match="waits"), Waits():
        captured._rate.item()


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [({"kind": "adam"}, True), ({"kind": "adafactor"}, False), ({"kind": "muon"}, False)],
)
def test_optimizers_that_wait_are_not_captured(
    tmp_path: Path, make_package: Make, optimizer: dict[str, Any], expected: bool
) -> None:
    setup = Setup(make_package("other", optimizer=optimizer), tmp_path / "cache")
    assert is_capturable(setup.state(is_captured=False).optimizer) == expected


def test_an_update_that_cannot_be_recorded_is_still_made(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message, and nothing is lost. The streams and the recorder of a GPU are replaced."""

    @contextmanager
    def refuse(_: object) -> Iterator[None]:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")
        yield

    class Stream:
        def __init__(self, _: object) -> None: ...

        def wait_stream(self, _: object) -> None: ...

    for name, substitute in {
        "current_stream": Stream,
        "Stream": Stream,
        "stream": lambda _: torch.enable_grad(),
        "CUDAGraph": object,
        "graph": refuse,
    }.items():
        monkeypatch.setattr(torch.cuda, name, substitute)
    usual, captured = setup.state(is_captured=False), setup.state(is_captured=True)
    captured.update.captured._device = torch.device("cuda")
    setup.train(usual, range(UPDATES))
    setup.train(captured, range(WARM_UP))
    with pytest.warns(UserWarning, match="kernel by kernel.*not permitted") as said:
        setup.train(captured, range(WARM_UP, UPDATES))
    assert len(said) == 1
    assert_same(captured, usual)


@pytest.mark.parametrize("batching", ["padded", "packed"])
def test_a_run_of_captured_updates_is_the_usual_one(
    tmp_path: Path,
    make_package: Make,
    run_training: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    batching: str,
) -> None:
    """With packed batches nearly all updates have one shape; it is paused and continued, too."""
    usual, captured = tmp_path / "usual", tmp_path / "captured"
    short, whole = (
        make_package(f"of-{steps}", dropout=0.1, batching=batching, steps=steps, every=10)
        for steps in (10, 20)
    )
    run_training(whole, usual)
    taken: list[int] = []

    def count(update: CapturedUpdate, *given: Any) -> Tensor:
        taken.append(1)
        return CALL(update, *given)

    monkeypatch.setattr("runtime.training.train_state.is_worth_capturing", lambda *_: True)
    monkeypatch.setattr(CapturedUpdate, "__call__", count)
    run_training(short, captured)
    run_training(whole, captured, resume=True)
    assert len(taken) >= (15 if batching == "packed" else 2)
    losses = [[line["loss"] for line in read_figures(run, "valid")] for run in (usual, captured)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
