"""The loss of models that have more to it than cross-entropy through a matrix."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from compiler.pipeline import compile_spec
from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import PADDING
from runtime.inference.packed_linear import quantized
from runtime.package import load_package
from runtime.training import objective, output_layer
from runtime.training.objective import training_objective
from tests.support.batches import PaddedPairs
from tests.support.plain_search import plain_search
from tests.support.search import beam_search

TINY = (
    *("model.d_model=16", "model.vocabulary.size=20", "model.attention.heads=2", "model.dropout=0"),
    *("model.feed_forward.d_ff=16", "model.encoder.layers=1", "model.decoder.layers=1"),
    "training.label_smoothing=0",
)
PARTS = ("train", "valid", "test")
Train = Callable[..., Any]
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
def batch() -> PaddedPairs:
    """Four pairs of 1 to 6 target tokens, 14 in all."""
    torch.manual_seed(6)
    target, source = torch.randint(4, 20, (4, 6)), torch.randint(4, 20, (4, 5))
    for row, length in enumerate((6, 1, 4, 3)):
        target[row, length:] = PADDING
        source[row, 1 + length :] = PADDING
    return PaddedPairs(
        source=source,
        decoder_input=torch.where(target == PADDING, PADDING, 2),
        decoder_target=target,
    )


@pytest.mark.quick
def test_the_loss_is_of_the_final_logits(
    build: Build, batch: PaddedPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In chunks, too: of a bias, a scale and a cap."""
    monkeypatch.setattr(output_layer, "CPU_LABELS", 3)
    model, own = build("model.output={bias: true, scale: 0.5, soft_cap: 2}")
    logits = model(batch.source, batch.decoder_input).flatten(0, 1)
    labels = batch.decoder_target.flatten()
    expected = F.cross_entropy(logits, labels, ignore_index=PADDING, reduction="sum")
    (expected / 14).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    torch.testing.assert_close(own.add_gradients(batch.batch, 1 / 14)[1], expected.detach())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], msg=name)
    assert model.get_parameter("output_bias").grad.abs().max() > 0  # type: ignore[union-attr]


EXPERTS = "model.{}feed_forward={{d_ff: 16, experts: {{count: 4, balance_loss: 0.5}}}}"


def with_balance(
    model: torch.nn.Module, batch: PaddedPairs, stacks: tuple[str, ...]
) -> torch.Tensor:
    """Cross-entropy over the target tokens, plus their number times what the network says."""
    logits = model(batch.source, batch.decoder_input).flatten(0, 1)
    labels = batch.decoder_target.flatten()
    summed = F.cross_entropy(logits, labels, ignore_index=PADDING, reduction="sum")
    tokens = {"source": batch.source, "target": batch.decoder_input}
    given = {name: tokens[name] for name in stacks}
    balance = model.balance_loss(**given)  # type: ignore[operator]
    return summed + (labels != PADDING).sum() * balance


@pytest.mark.quick
@pytest.mark.parametrize(
    ("stack", "tokens"), [("", ("source", "target")), ("decoder.", ("target",))]
)
def test_the_balance_of_experts_is_in_the_loss(
    build: Build, batch: PaddedPairs, stack: str, tokens: tuple[str, ...]
) -> None:
    """Of two micro-batches: each counts by its target tokens."""
    model, own = build(EXPERTS.format(stack))
    other = PaddedPairs(
        source=batch.source.flip(0)[:3],
        decoder_input=batch.decoder_input[1:],
        decoder_target=batch.decoder_target[1:],
    )
    expected = torch.stack([with_balance(model, each, tokens) for each in (batch, other)])
    (expected.sum() / 22).backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    model.zero_grad()
    got = torch.stack([own.add_gradients(each.batch, 1 / 22)[0] for each in (batch, other)])
    torch.testing.assert_close(got, expected.detach())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], msg=name)


@pytest.mark.quick
def test_an_evaluation_has_no_balance(build: Build, batch: PaddedPairs) -> None:
    model, own = build(EXPERTS.format(""))
    trained = own.add_gradients(batch.batch, 1.0)
    model.eval()
    smoothed, plain, _ = own.evaluate(batch.batch)
    assert smoothed == plain
    torch.testing.assert_close(plain, trained[1])
    assert trained[0] > trained[1] + 14 * 0.5, "two stacks of one layer, at least 0.5 each"
    model(batch.source, batch.decoder_input)
    with pytest.raises(AssertionError, match="a forward pass in training mode"):
        model.balance_loss(batch.source, batch.decoder_input)  # type: ignore[operator]


@pytest.mark.quick
def test_experts_train_in_bfloat16(build: Build, batch: PaddedPairs) -> None:
    model, own = build(EXPERTS.format(""), "training.precision=bfloat16")
    assert own.is_bfloat16
    assert own.add_gradients(batch.batch, 1.0).isfinite().all()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.quick
def test_experts_decode_in_eight_bits(build: Build, batch: PaddedPairs) -> None:
    """Some of them without a single token."""
    model, _ = build(EXPERTS.format(""))
    model.eval()
    with torch.no_grad():
        got = quantized(model)(batch.source, batch.decoder_input)
        expected = model(batch.source, batch.decoder_input)
        quantized(model)(batch.source[:1, :1], batch.decoder_input[:1, :1])
    assert (got - expected).abs().mean() < expected.abs().mean() / 4


@pytest.mark.quick
def test_beams_are_of_the_final_logits(build: Build, batch: PaddedPairs) -> None:
    """Of experts in each layer, of a bias, a scale and a cap: as the plain search finds them."""
    model, _ = build(EXPERTS.format(""), "model.output={bias: true, scale: 0.5, soft_cap: 2}")
    decoding = BeamSearch(beam=3, length_penalty=0.6)
    found = beam_search(model.eval(), batch.source, [6] * 4, decoding)
    for row, (best, *_) in zip(batch.source, found, strict=True):
        source = [token for token in row.tolist() if token != PADDING]
        (expected, *_) = plain_search(model, source, 6, decoding)
        assert best.tokens == expected.tokens
        assert best.score == pytest.approx(expected.score, abs=1e-4)


def mixer(name: str, settings: str, own: str) -> tuple[str, ...]:
    """What makes a network without self-attention; `own` is of the encoder."""
    return (
        f"model.{name}={settings}",
        f"model.encoder.{name}={own}",
        f"model.encoder.block=[{name}, feed_forward]",
        f"model.decoder.block=[{name}, cross_attention, feed_forward]",
    )


MIXERS = {
    "lstm": mixer("recurrence", "{kind: lstm}", "{bidirectional: true}"),
    "gru": mixer("recurrence", "{kind: gru, d_hidden: 12}", "{bidirectional: true}"),
    "gated": mixer("convolution", "{kind: gated}", "{width: 5}"),
    "depthwise": mixer("convolution", "{kind: depthwise}", "{width: 5}"),
}


@pytest.mark.parametrize("name", MIXERS)
def test_beams_without_self_attention(build: Build, batch: PaddedPairs, name: str) -> None:
    """What each hypothesis knows follows it: the plain search, which keeps nothing, finds them."""
    model, _ = build(*MIXERS[name])
    decoding = BeamSearch(beam=3, length_penalty=0.6)
    found = beam_search(model.eval(), batch.source, [6] * 4, decoding)
    for row, (best, *_) in zip(batch.source, found, strict=True):
        source = [token for token in row.tolist() if token != PADDING]
        (expected, *_) = plain_search(model, source, 6, decoding)
        assert best.tokens == expected.tokens
        assert best.score == pytest.approx(expected.score, abs=1e-4)


@pytest.mark.parametrize("name", MIXERS)
def test_training_without_self_attention_in_bfloat16(
    build: Build, batch: PaddedPairs, name: str
) -> None:
    _, plain = build(*MIXERS[name])
    _, own = build(*MIXERS[name], "training.precision=bfloat16")
    got, expected = (each.add_gradients(batch.batch, 1.0) for each in (own, plain))
    torch.testing.assert_close(got, expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", MIXERS)
def test_decoding_without_self_attention_in_eight_bits(
    build: Build, batch: PaddedPairs, name: str
) -> None:
    model, _ = build(*MIXERS[name])
    with torch.no_grad():
        got = quantized(model)(batch.source, batch.decoder_input)
        expected = model.eval()(batch.source, batch.decoder_input)
    assert (got - expected).abs().mean() < expected.abs().mean() / 4


@pytest.mark.parametrize("name", MIXERS)
def test_a_training_without_self_attention(
    name: str, tmp_path: Path, text: Path, run_training: Train
) -> None:
    compile_spec("demo", [*short(text), *MIXERS[name]]).write(tmp_path / "package")
    run_training(tmp_path / "package", tmp_path / "run")
    first, last = losses(tmp_path / "run")
    assert last["loss"] < first["loss"] - 0.5


def short(text: Path) -> list[str]:
    """The settings of a tiny network and a few updates."""
    files = [f"data.{part}.{side}={part}.{side}" for part in PARTS for side in ("source", "target")]
    data = (f"data.folder={text}", "data.tokenizer={kind: segmented}", "data.max_length=20", *files)
    recipe = ("training.batch_tokens=240", "training.accumulate=2", "training.steps=60")
    pace = ("training.schedule={warmup_steps: 10, peak: 0.01}", "training.validation.every=30")
    return [*TINY, *data, *recipe, *pace]


def losses(run: Path) -> tuple[dict[str, float], dict[str, float]]:
    """The first and the last figures of a training."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    first, *_, last = [line for line in map(json.loads, lines) if "learning_rate" in line]
    return first, last


@pytest.mark.quick
def test_a_training_with_experts(tmp_path: Path, text: Path, run_training: Train) -> None:
    """The balance is a part of the loss that is reported, and goes down with it."""
    compile_spec("demo", [*short(text), EXPERTS.format("")]).write(tmp_path / "package")
    run_training(tmp_path / "package", tmp_path / "run")
    first, last = losses(tmp_path / "run")
    assert last["loss"] < first["loss"] - 0.5
    assert 1.0 <= last["loss"] - last["nll"] < 1.5, "two layers, each at least its factor"


@pytest.mark.quick
def test_a_training_with_recomputed_layers_is_the_same_to_the_bit(
    tmp_path: Path,
    text: Path,
    run_training: Train,
    assert_same: Callable[[Path, Path], None],
) -> None:
    """With dropout, experts and a moving average."""
    settings = [*short(text), EXPERTS.format(""), "model.dropout=0.2", "training.ema={decay: 0.9}"]
    for name, recompute in (("kept", "none"), ("recomputed", "layer")):
        package = tmp_path / f"package-{name}"
        compile_spec("demo", [*settings, f"training.recompute={recompute}"]).write(package)
        run_training(package, tmp_path / name)
    assert_same(tmp_path / "kept", tmp_path / "recomputed")
