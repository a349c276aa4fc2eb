"""The moving average of the weights: what it is, and where it takes their place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from runtime.run import Run
from runtime.training.train import Summary
from runtime.training.train_state import MovingAverage
from runtime.training.trainer import Trainer

pytestmark = pytest.mark.quick

Make = Callable[..., Path]
Train = Callable[..., Summary]
DECAY = 0.75


def test_it_is_the_weighted_mean_of_all_weights_but_the_first() -> None:
    """Weights of update k count DECAY^(last - k), and all together 1."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    average, seen = MovingAverage(model, DECAY), []
    for step in range(1, 8):
        with torch.no_grad():
            model.weight.copy_(torch.randn(2, 3))
        average.follow(model, step)
        seen.append(model.weight.detach().clone())
        counts = torch.tensor([DECAY ** (step - each) for each in range(1, step + 1)])
        expected = torch.einsum("k,kij->ij", counts / counts.sum(), torch.stack(seen))
        torch.testing.assert_close(average.network.weight, expected)
    assert torch.equal(model.weight, seen[-1])


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="expected weights in float32"):
        MovingAverage(nn.Linear(2, 2).half(), DECAY)


def test_the_average_is_validated_saved_and_loaded(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of each update are collected, and their mean is looked for."""
    weights: list[dict[str, torch.Tensor]] = []
    update = Trainer._update

    def noting(trainer: Trainer) -> None:
        update(trainer)
        state = trainer.state.model.state_dict()
        weights.append({name: tensor.clone() for name, tensor in state.items()})

    scored: list[dict[str, torch.Tensor]] = []

    def score(model: nn.Module, *_: object) -> float:
        scored.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return 1.0

    monkeypatch.setattr(Trainer, "_update", noting)
    package = make_package(steps=10, bleu=True, average_last=1, ema={"decay": DECAY})
    run_training(package, tmp_path / "run", score=score)
    counts = [DECAY ** (10 - step) for step in range(1, 11)]
    loaded = Run.open(tmp_path / "run").load_model().state_dict()
    trainer = load_file(tmp_path / "run" / "checkpoints" / "step-00000010" / "trainer.safetensors")
    for name, tensor in loaded.items():
        total = sum(count * each[name] for count, each in zip(counts, weights, strict=True))
        torch.testing.assert_close(tensor, total / sum(counts))
        assert torch.equal(scored[-1][name], tensor)
        assert torch.equal(trainer[f"weights/{name}"], weights[-1][name])


def test_the_loss_of_a_look_is_that_of_the_average(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    """It differs from that of the weights, whose training an average does not change."""
    for name, ema in (("plain", None), ("averaged", {"decay": 0.9})):
        run_training(make_package(name, steps=10, ema=ema), tmp_path / f"run-{name}")
    plain, averaged = (losses(tmp_path / f"run-{name}") for name in ("plain", "averaged"))
    assert plain["train"] == averaged["train"]
    assert plain["valid"] != averaged["valid"]


def losses(run: Path) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"train": [], "valid": []}
    for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()):
        found[line["kind"]].append(line["loss"])
    return found
