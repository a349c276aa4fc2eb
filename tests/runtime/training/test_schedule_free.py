"""A training whose weights in training are not those that it has learned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.package import load_package
from runtime.training.interruption import Interruption
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
RECIPE: dict[str, Any] = {
    "optimizer": {"kind": "schedule_free", "weight_decay": 0.1},
    "schedule": {"kind": "constant", "warmup_steps": 5, "peak": 0.01},
}


def test_it_goes_on_to_the_bit(
    tmp_path: Path,
    make_package: Make,
    run_training: Callable[..., Any],
    interrupt: Callable[..., Any],
    assert_same: Callable[[Path, Path], None],
) -> None:
    package = make_package(**RECIPE)
    run_training(package, tmp_path / "whole")
    with interrupt(13), pytest.raises(Interruption):
        run_training(package, tmp_path / "paused")
    run_training(package, tmp_path / "paused", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "paused")


def test_what_is_validated_and_saved_is_what_is_learned(make_package: Make) -> None:
    """After one update it is where the step has led to; after a second one it is between."""
    state = TrainState(load_package(make_package(**RECIPE)), torch.device("cpu"), Workers())
    assert state.average is not None
    for step in (1, 2):
        for each in state.model.parameters():
            each.grad = torch.ones_like(each)
        state.optimizer.param_groups[0]["lr"] = 0.1
        state.optimizer.step()
        state.average.follow(state.model, step)
        kept = [state.optimizer.state[each]["z"] for each in state.model.parameters()]
        same = map(torch.allclose, state.result.parameters(), kept)
        assert all(same) is (step == 1)
    trained = dict(state.model.named_parameters())
    assert any(not each.equal(trained[name]) for name, each in state.weights().items())
