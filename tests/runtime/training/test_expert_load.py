"""Load balancing without a loss: numbers that follow the load of experts (Wang et al. 2024)."""

from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from compiler.pipeline import compile_spec
from runtime.package import load_package
from runtime.training.expert_load import corrected, follow_load, uncounted
from runtime.training.objective import training_objective
from runtime.training.workers import Workers
from tests.runtime.training import test_sharding, test_workers
from tests.runtime.training.test_variants import TINY, short
from tests.runtime.training.test_workers import exit_codes
from tests.support.batches import PaddedPairs

PROGRAMS = {"whole": test_workers.PROGRAM, "shares": test_sharding.PROGRAM}
EXPERTS = "{count: 4, balance_loss: 0, score: sigmoid, correction: {rate: 0.01}}"
SETTINGS = f"model.feed_forward={{d_ff: 16, experts: {EXPERTS}}}"
Train = Callable[..., Any]


def batch(seed: int) -> PaddedPairs:
    torch.manual_seed(seed)
    source, target = torch.randint(4, 20, (3, 6)), torch.randint(4, 20, (3, 5))
    source[0, 2:] = 0
    return PaddedPairs(source=source, decoder_input=target, decoder_target=target)


@pytest.mark.quick
def test_the_numbers_follow_the_load_of_an_update(tmp_path: Path) -> None:
    """The load is that of both micro-batches without padding, or rows that do not count."""
    compile_spec("demo", [*TINY, SETTINGS]).write(tmp_path / "package")
    package = load_package(tmp_path / "package")
    torch.manual_seed(3)
    model, device = package.model_class(), torch.device("cpu")
    own = training_objective(model, package.training_module, package.spec.training, device)
    counts = torch.zeros(4)
    encoder = model.encoder.layers[0].feed_forward  # type: ignore[union-attr, index]
    for seed in (1, 2):
        pairs = batch(seed)
        chosen: list[torch.Tensor] = []
        handle = encoder.balance.register_forward_pre_hook(  # type: ignore[union-attr]
            lambda _, given, found=chosen: found.append(given[1])
        )
        own.add_gradients(pairs.batch, 1.0)
        handle.remove()
        real = chosen[0][pairs.source != 0]
        counts += torch.bincount(real.flatten(), minlength=4)
    with uncounted(model):
        own.add_gradients(batch(3).batch, 0.0)
    assert all(each.correction.bias.grad is None for each in corrected(model))
    follow_load(model, Workers())
    expected = 0.01 * (counts.mean() - counts).sign()
    torch.testing.assert_close(encoder.correction.bias.detach(), expected)  # type: ignore[union-attr]
    assert expected.any()
    follow_load(model, Workers())
    torch.testing.assert_close(encoder.correction.bias.detach(), expected)  # type: ignore[union-attr]


def numbers(run: Path, step: int) -> dict[str, torch.Tensor]:
    weights = load_file(run / "checkpoints" / f"step-{step:08}" / "model.safetensors")
    return {name: each for name, each in weights.items() if "correction" in name}


@pytest.mark.quick
def test_the_load_becomes_even(tmp_path: Path, text: Path, run_training: Train) -> None:
    compile_spec("demo", [*short(text), SETTINGS]).write(tmp_path / "package")
    summary = run_training(tmp_path / "package", tmp_path / "run")
    found = numbers(tmp_path / "run", summary.step)
    assert len(found) == 2
    assert all(0.005 < each.abs().max() <= 0.01 * summary.step for each in found.values())


@pytest.mark.parametrize("kind", PROGRAMS)
def test_two_processes_count_together(
    kind: str,
    tmp_path: Path,
    text: Path,
    run_training: Train,
    start_pair: Callable[..., list[BaseProcess]],
) -> None:
    settings = [*short(text), SETTINGS, "training.batch_tokens=40", "training.steps=8"]
    settings += [
        "training.accumulate=2",
        "training.validation.every=8",
        "training.schedule.warmup_steps=2",
    ]
    compile_spec("demo", settings).write(tmp_path / "package")
    run_training(tmp_path / "package", tmp_path / "one")
    names: dict[str, Any] = {"given": {}} if kind == "shares" else {}
    if kind == "whole":
        names = {"resume": False, "seconds_a_batch": 0.0}
    both = start_pair(PROGRAMS[kind], tmp_path / "package", tmp_path / "two", **names)
    assert exit_codes(both) == [0, 0]
    expected, found = numbers(tmp_path / "one", 8), numbers(tmp_path / "two", 8)
    assert any(each.any() for each in expected.values())
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-6)
