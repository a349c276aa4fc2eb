"""The optimizers of generated packages, at work."""

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from compiler.explain import explain
from compiler.ir.verify import CompilerBug
from compiler.ops.norm import LayerNorm
from compiler.ops.parameter import Parameter
from compiler.pipeline import compile_spec
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

CASES = Path(__file__).parents[1] / "cases"
RATE, DECAY = 0.01, 0.1
DECAYING = {
    "adamw": f"{{kind: adamw, weight_decay: {DECAY}}}",
    "adafactor": f"{{kind: adafactor, weight_decay: {DECAY}}}",
    "lion": f"{{kind: lion, weight_decay: {DECAY}}}",
    "muon": f"{{kind: muon, weight_decay: {DECAY}}}",
}


def recipe(folder: Path, optimizer: str) -> tuple[torch.nn.Module, ModuleType]:
    """The smallest network and the `training.py` beside it."""
    settings = [f"training.optimizer={optimizer}", f"training.schedule.peak={RATE}"]
    package = compile_spec(str(CASES / "paper" / "spec.yaml"), settings)
    module = import_package(package, folder)
    return module.Model(), importlib.import_module(f"{module.__name__}.training")


@pytest.mark.parametrize("kind", DECAYING)
def test_matrices_decay_and_nothing_else_does(kind: str, tmp_path: Path) -> None:
    """Without a gradient an update takes RATE * DECAY of a matrix away, and nothing of a vector."""
    model, training = recipe(tmp_path, DECAYING[kind])
    optimizer = training.optimizer(model)
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 3.0)
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter in model.parameters():
        expected = 3.0 * (1 - RATE * DECAY) if parameter.ndim > 1 else 3.0
        torch.testing.assert_close(parameter, torch.full_like(parameter, expected))


def test_no_decay_is_no_decay(tmp_path: Path) -> None:
    """Torch's AdamW has one by default."""
    model, training = recipe(tmp_path, "{kind: adamw, weight_decay: 0}")
    groups = training.optimizer(model).param_groups
    assert [group["weight_decay"] for group in groups] == [0.0]


def test_code_that_would_not_do_as_the_ir_says_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = LayerNorm.parameters

    def decaying(norm: LayerNorm) -> tuple[Parameter, ...]:
        return tuple(replace(each, decays=True) for each in parameters(norm))

    monkeypatch.setattr(LayerNorm, "parameters", decaying)
    with pytest.raises(CompilerBug, match=r"norm\.weight has 1 dimensions, and decays: True"):
        recipe(tmp_path, DECAYING["adamw"])


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        (["training.optimizer.kind=adamw"], 4),
        (["training.optimizer.kind=sgd"], 3),
        (["training.optimizer={kind: sgd, momentum: 0}"], 2),
        (["training.optimizer.kind=adafactor"], 2),
        (["training.ema.decay=0.9"], 5),
        (["training.optimizer=lion"], 3),
        (["training.optimizer=schedule_free", "training.schedule.kind=constant"], 5),
    ],
)
def test_memory_is_that_of_the_optimizer_and_the_average(settings: list[str], kept: int) -> None:
    """Floats for each weight: itself, its gradient, running means; Adam keeps two of these."""
    adam, other = (explain(compile_spec("demo", each), 32) for each in ([], settings))
    assert other.memory_bytes - adam.memory_bytes == 4 * adam.parameters * (kept - 4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_z_loss_is_added_to_what_is_trained_alone(smoothing: float, tmp_path: Path) -> None:
    """By the square of the logarithm of the divisor of each token, with its gradient."""
    losses = {}
    for z_loss in (0.0, 0.25):
        settings = [f"training.z_loss={z_loss}", f"training.label_smoothing={smoothing}"]
        package = compile_spec(str(CASES / "paper" / "spec.yaml"), settings)
        module = import_package(package, tmp_path / str(z_loss))
        training = importlib.import_module(f"{module.__name__}.training")
        torch.manual_seed(1)
        logits, labels = torch.randn(6, 9, requires_grad=True), torch.arange(6)
        loss, plain = training.loss(logits, labels)
        losses[z_loss] = (loss, plain, torch.autograd.grad(loss, logits)[0], logits)
    without, added = losses.values()
    divisor = added[3].exp().sum(1).log()
    assert added[1].equal(without[1])
    torch.testing.assert_close(added[0], without[0] + 0.25 * divisor.square().sum())
    slope = 0.5 * divisor.unsqueeze(1) * added[3].softmax(1)
    torch.testing.assert_close(added[2], without[2] + slope)
