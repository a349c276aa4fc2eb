"""One update from any division of its sentences."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.data.batches import Examples
from runtime.data.prepare import prepare
from runtime.data.sentences import Indices
from runtime.package import load_package
from runtime.training.train_state import TrainState
from runtime.training.update import Updater, count_labels, own_rows
from runtime.training.workers import Workers

pytestmark = pytest.mark.quick

CPU = torch.device("cpu")
ALL = np.arange(40)

Make = Callable[..., Path]


class Setup:
    """A network without dropout and the pairs that it learns."""

    def __init__(self, package: Path, cache: Path) -> None:
        self.package = load_package(package)
        self.pairs: Examples = prepare(self.package.spec, cache, report=lambda _: None).train

    def state(self) -> TrainState:
        return TrainState(self.package, CPU, Workers())

    def gradients(self, batches: Sequence[Indices]) -> tuple[torch.Tensor, torch.Tensor]:
        """(losses [2], all gradients in one) of one update from these batches."""
        state = self.state()
        sums = state.update.add_gradients(self.pairs, batches)
        gradients = [p.grad.flatten() for p in state.model.parameters() if p.grad is not None]
        return sums, torch.cat(gradients)


@pytest.fixture
def setup(tmp_path: Path, make_package: Make) -> Setup:
    return Setup(make_package(dropout=0.0), tmp_path / "cache")


@pytest.mark.parametrize("parts", [2, 3, 7, 40])
def test_micro_batches_are_one_batch(setup: Setup, parts: int) -> None:
    sums, gradients = setup.gradients([ALL])
    other_sums, other_gradients = setup.gradients(np.array_split(ALL, parts))
    torch.testing.assert_close(other_sums, sums, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(other_gradients, gradients, rtol=1e-5, atol=1e-6)


def test_the_gradient_is_that_of_the_mean_over_tokens(setup: Setup) -> None:
    """Not the mean of the means of the batches, which differ in length."""
    short, long = ALL[:3], ALL[3:]
    tokens = [count_labels(setup.pairs, [part]) for part in (short, long)]
    means = [setup.gradients([part])[1] for part in (short, long)]
    expected = (means[0] * tokens[0] + means[1] * tokens[1]) / sum(tokens)
    torch.testing.assert_close(setup.gradients([short, long])[1], expected, rtol=1e-5, atol=1e-6)


def test_an_update_uses_the_rate_it_is_given(setup: Setup) -> None:
    """Adam's first step moves each weight by the rate."""
    state = setup.state()
    before = [parameter.detach().clone() for parameter in state.model.parameters()]
    state.update(setup.pairs, [ALL], 0.125)
    pairs = zip(state.model.parameters(), before, strict=True)
    assert max((new - old).abs().max().item() for new, old in pairs) == pytest.approx(
        0.125, rel=1e-4
    )


def test_the_rate_is_that_of_all_groups(tmp_path: Path, make_package: Make) -> None:
    """The optimizer has two groups: parameters that decay, and parameters that do not."""
    package = make_package("decaying", optimizer={"kind": "adamw", "weight_decay": 0.1})
    setup = Setup(package, tmp_path / "cache")
    state = setup.state()
    state.update(setup.pairs, [ALL], 0.125)
    rates = [(group["lr"], group["weight_decay"]) for group in state.optimizer.param_groups]
    assert rates == [(0.125, 0.1), (0.125, 0.0)]


def test_a_clipped_gradient_has_its_norm_reported_before(
    tmp_path: Path, make_package: Make, setup: Setup
) -> None:
    state = setup.state()
    norm = state.update(setup.pairs, [ALL], 0.0)[2].item()
    seen: list[float] = []
    clipped = Setup(make_package("clipped", dropout=0.0, clip_norm=norm / 4), tmp_path / "cache")
    other = clipped.state()
    other.optimizer.register_step_pre_hook(lambda *_: seen.append(gradient_norm(other.update)))
    assert other.update(clipped.pairs, [ALL], 0.0)[2].item() == pytest.approx(norm)
    assert seen[0] == pytest.approx(norm / 4, rel=1e-4)


def gradient_norm(update: Updater) -> float:
    gradients = [p.grad.flatten() for p in update.model.parameters() if p.grad is not None]
    return torch.cat(gradients).norm().item()


def test_bfloat16_stays_near_float32(tmp_path: Path, make_package: Make, setup: Setup) -> None:
    rounded = Setup(make_package("rounded", dropout=0.0, precision="bfloat16"), tmp_path / "cache")
    sums, gradients = setup.gradients([ALL])
    other_sums, other_gradients = rounded.gradients([ALL])
    assert other_gradients.dtype == torch.float32
    assert not torch.equal(other_sums, sums)
    torch.testing.assert_close(other_sums, sums, rtol=1e-2, atol=0.0)
    assert torch.cosine_similarity(other_gradients, gradients, dim=0) > 0.99


def test_every_row_belongs_to_one_process() -> None:
    batches = [np.arange(5), np.arange(5, 6)]
    rows = [own_rows(batches, Workers(rank=rank, size=3)) for rank in range(3)]
    assert [[part.rows.tolist() for part in parts] for parts in rows] == [
        [[0, 3], [5]],
        [[1, 4]],
        [[2]],
    ]


def test_micro_batches_are_dealt_out_whole() -> None:
    """Batches that are left over, fewer than there are processes, are divided by rows."""
    batches = [np.arange(3 * number, 3 * number + 3) for number in range(5)]
    rows = [own_rows(batches, Workers(rank=rank, size=2)) for rank in range(2)]
    assert [[part.rows.tolist() for part in parts] for parts in rows] == [
        [[0, 1, 2], [6, 7, 8], [12, 14]],
        [[3, 4, 5], [9, 10, 11], [13]],
    ]


def test_processes_in_step_make_as_many_passes() -> None:
    """One without a row takes the first of the batch, which does not count."""
    batches = [np.arange(5), np.arange(5, 6)]
    rows = [own_rows(batches, Workers(rank=rank, size=3), in_step=True) for rank in range(3)]
    assert [[(part.rows.tolist(), part.counts) for part in parts] for parts in rows] == [
        [([0, 3], 1), ([5], 1)],
        [([1, 4], 1), ([5], 0)],
        [([2], 1), ([5], 0)],
    ]
