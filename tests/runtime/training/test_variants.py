"""The loss of models with more between features and loss than a matrix."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from compiler.pipeline import compile_spec
from runtime.data.batches import Batch
from runtime.data.symbols import PADDING
from runtime.package import load_package
from runtime.training import objective
from runtime.training.objective import training_objective

TINY = (
    *("model.d_model=16", "model.vocabulary.size=20", "model.attention.heads=2", "model.dropout=0"),
    *("model.feed_forward.d_ff=16", "model.encoder.layers=1", "model.decoder.layers=1"),
    "training.label_smoothing=0",
)
Build = Callable[..., tuple[torch.nn.Module, objective.Objective]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """build("model.output.bias=true", ...) -> a tiny network and its objective."""

    def make(*settings: str) -> tuple[torch.nn.Module, objective.Objective]:
        compile_spec("demo", [*TINY, *settings]).write(tmp_path / "package")
        package = load_package(tmp_path / "package")
        torch.manual_seed(5)
        model, device = package.model_class(), torch.device("cpu")
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) / 4)
        recipe = package.spec.training
        return model, training_objective(model, package.training_module, recipe, device)

    return make


@pytest.fixture
def batch() -> Batch:
    """Four pairs of 1 to 6 target tokens, 14 in all."""
    torch.manual_seed(6)
    target, source = torch.randint(4, 20, (4, 6)), torch.randint(4, 20, (4, 5))
    for row, length in enumerate((6, 1, 4, 3)):
        target[row, length:] = PADDING
        source[row, 1 + length :] = PADDING
    return Batch(
        source=source,
        decoder_input=torch.where(target == PADDING, PADDING, 2),
        decoder_target=target,
        indices=torch.arange(4),
    )


def test_the_loss_is_of_the_final_logits(
    build: Build, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks, too: of a bias, a scale and a cap."""
    monkeypatch.setitem(objective.CHUNK, "cpu", 3)
    model, own = build("model.output={bias: true, scale: 0.5, soft_cap: 2}")
    logits = model(batch.source, batch.decoder_input).flatten(0, 1)
    labels = batch.decoder_target.flatten()
    expected = F.cross_entropy(logits, labels, ignore_index=PADDING, reduction="sum")
    (expected / 14).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    torch.testing.assert_close(own.add_gradients(batch, 1 / 14)[1], expected.detach())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], msg=name)
    assert model.get_parameter("output_bias").grad.abs().max() > 0  # type: ignore[union-attr]
