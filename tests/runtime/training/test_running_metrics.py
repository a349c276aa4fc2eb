"""The figures of some updates."""

import pytest
import torch

from runtime.errors import UserError
from runtime.training.running_metrics import RunningMetrics

pytestmark = pytest.mark.quick


def add(window: RunningMetrics, loss: float, tokens: int) -> None:
    window.add(torch.tensor([loss, loss / 2, 1.0]), labels=tokens, tokens=tokens)
    window.spend(0.5)


def test_means_are_over_tokens_not_over_updates() -> None:
    window = RunningMetrics()
    add(window, 10.0, 10)
    add(window, 60.0, 20)
    means = window.means()
    assert means.loss == pytest.approx(70 / 30)
    assert means.nll == pytest.approx(35 / 30)
    assert means.tokens_per_second == pytest.approx(30.0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_first_bad_update_is_named(bad: float) -> None:
    window = RunningMetrics()
    for loss in (1.0, bad, bad):
        add(window, loss, 10)
    with pytest.raises(UserError, match="not finite in update 99"):
        window.check(100)


def test_good_updates_pass_the_check() -> None:
    window = RunningMetrics()
    window.check(0)
    add(window, 1.0, 10)
    window.check(1)


def test_a_window_goes_on_from_its_tensors() -> None:
    window, other = RunningMetrics(), RunningMetrics()
    add(window, 10.0, 10)
    other.load(window.tensors(), torch.device("cpu"))
    add(window, 60.0, 20)
    add(other, 60.0, 20)
    assert other.means().loss == window.means().loss


def test_an_empty_window_has_no_tensors() -> None:
    other = RunningMetrics()
    other.load(RunningMetrics().tensors(), torch.device("cpu"))
    assert other.tensors() == {}
