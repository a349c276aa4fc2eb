"""Recurrences against torch's own, sentence by sentence; convolutions against a slow loop."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiler.analysis.complexity import Reading
from compiler.explain import explain
from compiler.pipeline import CompiledPackage
from compiler.source.diagnostic import Rejected
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

WIDTH, LENGTHS = 8, (7, 1, 4)


def tree(encoder: dict[str, Any], decoder: dict[str, Any], **others: Any) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    blocks = {
        "encoder": [*(each for each in encoder if each != "layers"), "feed_forward"],
        "decoder": [*(each for each in decoder if each != "layers"), "cross_attention"],
    }
    whole = {
        "name": "mixers",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"size": 20},
            "embedding": {"position": "none"},
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 12},
            "encoder": {"layers": 1, "block": blocks["encoder"], **encoder},
            "decoder": {"layers": 1, "block": blocks["decoder"], **decoder},
            **others,
        },
        "data": {part: {**files} for part in ("train", "valid", "test")},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }
    plain: dict[str, Any] = json.loads(json.dumps(whole))  # without what YAML would call aliases
    return plain


def network(package: CompiledPackage, folder: Path) -> Any:
    """With biases at random, too."""
    torch.manual_seed(1)
    model = import_package(package, folder).Model().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 3)
    return model


def real() -> Tensor:
    """The mask of texts of some lengths [batch, 1, 1, position]."""
    positions = torch.arange(max(LENGTHS))
    return (positions < torch.tensor(LENGTHS).unsqueeze(1)).unsqueeze(1).unsqueeze(1)


RECURRENCES = (
    {"kind": "lstm"},
    {"kind": "gru", "d_hidden": 5},
    {"kind": "lstm", "bidirectional": True},
    {"kind": "gru", "bidirectional": True, "d_hidden": WIDTH // 2},
)


@pytest.mark.parametrize("settings", RECURRENCES, ids=str)
def test_a_recurrence_is_that_of_torch_for_each_sentence_alone(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """Outputs and gradients: padding is never seen, from neither end."""
    package = compile_tree(
        tree({"recurrence": settings}, {"recurrence": {"kind": "gru"}}), tmp_path
    )
    layer = network(package, tmp_path).encoder.layers[0].recurrence
    both, hidden = settings.get("bidirectional", False), settings.get("d_hidden", WIDTH)
    maker = nn.LSTM if settings["kind"] == "lstm" else nn.GRU
    plain = maker(WIDTH, hidden, batch_first=True, bidirectional=both)
    plain.load_state_dict(layer.recurrence.state_dict())
    x = torch.randn(3, max(LENGTHS), WIDTH, requires_grad=True)
    got = layer(x, real()) if both else layer(x)
    for row, length in enumerate(LENGTHS):
        states, _ = plain(x[row, :length])
        assert hasattr(layer, "output") == (states.size(-1) != WIDTH)
        expected = layer.output(states) if hasattr(layer, "output") else states
        torch.testing.assert_close(got[row, :length], expected)
        weights = torch.randn_like(expected)
        ours, theirs = (
            torch.autograd.grad((each * weights).sum(), x, retain_graph=True)[0]
            for each in (got[row, :length], expected)
        )
        torch.testing.assert_close(ours, theirs)


def test_a_text_of_padding_alone_has_finite_states(tmp_path: Path) -> None:
    both = {"kind": "lstm", "bidirectional": True}
    model = network(
        compile_tree(
            tree({"recurrence": both}, {"recurrence": both | {"bidirectional": False}}), tmp_path
        ),
        tmp_path,
    )
    source = torch.tensor([[3, 4], [0, 0]])
    assert model.features(source, source).isfinite().all()


CONVOLUTIONS = (
    {"kind": "gated", "width": 5},
    {"kind": "gated", "width": 2, "causal": True},
    {"kind": "depthwise"},
    {"kind": "depthwise", "width": 4, "causal": True},
)


def slow(layer: Any, x: Tensor, settings: dict[str, Any]) -> Tensor:
    """Position by position and distance by distance: x [position, WIDTH] of one text."""
    convolution, rows = layer.convolution, []
    width = settings.get("width", 3)
    before = width - 1 if settings.get("causal") else width // 2
    for i in range(len(x)):
        total = torch.zeros(convolution.out_channels)
        for k in range(width):
            if 0 <= (j := i - before + k) < len(x):
                weight = convolution.weight[:, :, k]
                total = total + (weight[:, 0] * x[j] if weight.size(1) == 1 else weight @ x[j])
        if convolution.bias is not None:
            value, gate = (total + convolution.bias).chunk(2)
            rows.append(value * torch.sigmoid(gate))
        else:
            rows.append(layer.output(total))
    return torch.stack(rows)


@pytest.mark.parametrize("settings", CONVOLUTIONS, ids=str)
def test_a_convolution_is_a_sum_over_what_is_near(settings: dict[str, Any], tmp_path: Path) -> None:
    package = compile_tree(
        tree({"convolution": settings}, {"convolution": {"kind": "gated"}}), tmp_path
    )
    layer = network(package, tmp_path).encoder.layers[0].convolution
    x = torch.randn(3, max(LENGTHS), WIDTH)
    got = layer(x) if settings.get("causal") else layer(x, real())
    for row, length in enumerate(LENGTHS):
        expected = slow(layer, x[row, :length], settings)
        torch.testing.assert_close(got[row, :length], expected, atol=1e-5, rtol=1e-4)


SHORT = ({}, {"width": 5, "bias": True}, {"width": 4, "causal": True, "bias": True})


@pytest.mark.parametrize("settings", SHORT, ids=str)
def test_a_short_convolution_stands_between_two_gates(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    """Compute the layer of each text alone, distance by distance (LFM2 in transformers)."""
    short = {"short_convolution": {"width": 3} | settings}
    package = compile_tree(tree(short, {"short_convolution": {"width": 2}}), tmp_path)
    layer = network(package, tmp_path).encoder.layers[0].short_convolution
    x, kernel = torch.randn(3, max(LENGTHS), WIDTH), layer.short_convolution
    got = layer(x) if settings.get("causal") else layer(x, real())
    width = settings.get("width", 3)
    before = width - 1 if settings.get("causal") else width // 2
    for row, length in enumerate(LENGTHS):
        input_gate, output_gate, hidden = layer.gates_hidden(x[row, :length]).chunk(3, dim=-1)
        read, near = input_gate * hidden, torch.zeros(length, WIDTH)
        for i in range(length):
            for k in range(width):
                if 0 <= (j := i - before + k) < length:
                    near[i] += kernel.weight[:, 0, k] * read[j]
        near += kernel.bias if settings.get("bias") else 0.0
        torch.testing.assert_close(got[row, :length], layer.output(output_gate * near))


def test_padding_is_told_beside_a_mask_of_pairs(tmp_path: Path) -> None:
    """Attention has a tensor of the same name for more: the convolution is told by another."""
    mask = {"self_attention": {"mask": "last(2) | window(1)"}, "convolution": {"kind": "gated"}}
    package = compile_tree(tree(mask, {"convolution": {"kind": "gated"}}), tmp_path)
    layer = package.model.part("encoder").part("layers").block  # type: ignore[union-attr]
    names = [each.name for each in layer.function("forward").inputs]
    assert names == ["x", "source_mask", "source_mask_2"]
    model = network(package, tmp_path)
    source, padding = torch.randint(1, 20, (2, 6)), torch.zeros(2, 3, dtype=torch.long)
    padded = model.encode(torch.cat((source, padding), 1))
    torch.testing.assert_close(padded[:, :6], model.encode(source), atol=1e-5, rtol=1e-5)


def test_widths_are_arguments_of_one_class(tmp_path: Path) -> None:
    layers = [{"convolution": {"width": 3}}, {"repeat": 2, "convolution": {"width": 7}}]
    convolution = {"kind": "gated"}
    settings = tree({"convolution": convolution, "layers": layers}, {"convolution": convolution})
    text = compile_tree(settings, tmp_path).files["model.py"]
    assert text.count("class EncoderConvolution") == 1
    assert "EncoderLayer(convolution_width=7)" in text


INITIALIZATIONS = {
    "xavier": ("xavier", 1.0),
    "gain": ({"kind": "xavier", "gain": 0.5}, 0.5),
    "fairseq": ("fairseq", 1.0),
    "normal": ({"kind": "normal", "std": 0.3}, None),
    "scaled": ({"kind": "scaled", "std": 0.3}, None),
}


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_matrices_start_gate_by_gate_and_biases_at_zero(name: str, tmp_path: Path) -> None:
    """Xavier-uniform by the numbers that each reads and gives; or of one deviation."""
    initialization, gain = INITIALIZATIONS[name]
    lstm, depthwise = {"kind": "lstm", "d_hidden": 96}, {"kind": "depthwise", "width": 9}
    encoder = {"recurrence": {**lstm, "bidirectional": True}, "convolution": {"kind": "gated"}}
    decoder = {"recurrence": lstm, "convolution": depthwise}
    settings = tree(encoder, decoder, d_model=64, initialization=initialization)
    model = import_package(compile_tree(settings, tmp_path), tmp_path).Model()
    for layer in (model.encoder.layers[0], model.decoder.layers[0]):
        for name_of, parameter in layer.recurrence.recurrence.named_parameters():
            if "bias" in name_of:
                assert not parameter.any()
                continue
            for gate in parameter.chunk(4):
                starts_with(gate, gain and gain * (2 / sum(gate.shape)) ** 0.5)
    gated = model.encoder.layers[0].convolution.convolution
    assert not gated.bias.any()
    output, gate = gated.weight.chunk(2)
    factor = 3**-0.5 if name == "scaled" else 1.0  # three sub-layers are added to the stream
    starts_with(output, gain and gain * (2 / (2 * 64 * 3)) ** 0.5, factor)
    starts_with(gate, gain and gain * (2 / (2 * 64 * 3)) ** 0.5)
    kernels = model.decoder.layers[0].convolution.convolution.weight
    starts_with(kernels, gain and gain * 9**-0.5)


def starts_with(part: Tensor, deviation: float | None, factor: float = 1.0) -> None:
    assert part.std().item() == pytest.approx((deviation or 0.3) * factor, rel=0.1)


def readings(package: CompiledPackage) -> dict[str, Reading]:
    return {each.place: each for each in explain(package, 32).readings}


def test_the_columns_of_table_1(tmp_path: Path) -> None:
    """Of Vaswani et al. (2017), for four layers each."""
    convolution, lstm = {"kind": "gated", "width": 3}, {"kind": "lstm"}
    encoder = {"convolution": convolution, "layers": 4}
    found = readings(compile_tree(tree(encoder, {"recurrence": lstm, "layers": 4}), tmp_path))
    one, other = found["encoder.convolution"], found["decoder.recurrence"]
    assert (one.complexity, one.sequential, one.path) == ("3 n d^2", "1", "31")
    assert one.fields == (3, 5, 7, 9)
    assert (other.complexity, other.sequential, other.path) == ("n d^2", "n", "n")
    depthwise = tree({"convolution": convolution | {"kind": "depthwise"}}, {"recurrence": lstm})
    assert readings(compile_tree(depthwise, tmp_path))["encoder.convolution"].complexity == (
        "3 n d + n d^2"
    )


def test_what_is_seen_counts_all_that_was_read_before(tmp_path: Path) -> None:
    """Second sub-layers of a kind, those of other kinds, and those side by side."""
    near = {"mask": "window(4)"}
    twice = {"block": ["self_attention", "self_attention"], "self_attention": near, "layers": 2}
    lstm = {"repeat": 2}
    attention = {
        "block": ["self_attention", "feed_forward"],
        "self_attention": {"mask": "causal & window(4)"},
    }
    decoder = {"layers": [lstm, attention], "recurrence": {"kind": "lstm"}}
    found = readings(compile_tree(tree(twice, decoder), tmp_path))
    assert found["encoder.self_attention"].fields == (9, 17, 25, 32)
    assert found["decoder.self_attention"].fields == (32,)
    block = [["self_attention", "convolution"], "feed_forward"]
    beside = {"block": block, "self_attention": near, "layers": 1}
    wide = beside | {"convolution": {"kind": "gated", "width": 13}}
    found = readings(compile_tree(tree(wide, {"recurrence": {"kind": "lstm"}}), tmp_path))
    assert found["encoder.self_attention"].fields == found["encoder.convolution"].fields == (13,)
    block[0] = ["self_attention", "recurrence"]
    both = {"block": block, "layers": 1, "recurrence": {"kind": "lstm", "bidirectional": True}}
    found = readings(compile_tree(tree(both, {"recurrence": {"kind": "lstm"}}), tmp_path))
    assert (found["encoder.self_attention"].path, found["encoder.recurrence"].path) == ("1", "n")


def test_costs_are_products_of_matrices(tmp_path: Path) -> None:
    """Two operations for each number of a matrix and each position; biases apart."""
    convolution = {"kind": "gated", "width": 3}
    package = compile_tree(
        tree({"convolution": convolution}, {"recurrence": {"kind": "lstm"}}), tmp_path
    )
    rows = {each.part: each for each in explain(package, 32).rows}
    assert rows["encoder.layers.convolution"].flops_per_token >= 2 * 3 * WIDTH * 2 * WIDTH
    assert rows["decoder.layers.recurrence"].flops_per_token >= 2 * 4 * WIDTH * 2 * WIDTH
    assert rows["decoder.layers.recurrence"].dependence == "[-inf, 0]"
    assert rows["encoder.layers.convolution"].dependence == "[-1, 1]"


def test_no_weights_are_shown_without_attention(tmp_path: Path) -> None:
    settings = tree({"recurrence": {"kind": "lstm"}}, {})
    settings["model"] |= {"encoder": settings["model"]["encoder"], "decoder": None}
    del settings["model"]["decoder"], settings["model"]["attention"]
    settings["task"] = "masked_language_model"
    settings["data"] = {part: {"text": "a"} for part in ("train", "valid", "test")}
    package = compile_tree(settings, tmp_path)
    assert "attention_weights.py" not in package.files
    assert "attention_weights" not in package.files["test_model.py"]


def test_a_leak_says_where_it_is(tmp_path: Path) -> None:
    lstm = {"kind": "lstm"}
    layers = [{"repeat": 2}, {"recurrence": {"bidirectional": True}}]
    with pytest.raises(Rejected) as rejected:
        compile_tree(tree({"recurrence": lstm}, {"recurrence": lstm, "layers": layers}), tmp_path)
    (found,) = rejected.value.diagnostics
    assert found.message.startswith("decoder layer 3, recurrence: position 0 reads position 1")


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_recurrences_run_outside_of_autocast(kind: str, tmp_path: Path) -> None:
    """In training, at the start of decoding, in a prefill and in a step."""
    mixer = {"kind": kind, "d_hidden": 6}
    encoder = {"recurrence": {**mixer, "bidirectional": True}}
    package = compile_tree(tree(encoder, {"recurrence": mixer}), tmp_path)
    model = network(package, tmp_path)
    seen = []

    def record(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        x = getattr(inputs[0], "data", inputs[0])
        seen.append((x.dtype, torch.is_autocast_enabled("cpu")))

    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            module.register_forward_pre_hook(record)
    source, target = torch.randint(1, 20, (2, 6)), torch.randint(1, 20, (2, 5))
    with torch.autocast("cpu", torch.bfloat16):
        model.features(source, target)
        state = model.start(source)
        model.prefill(target, state)
        model.step(target[:, :1], torch.zeros(2, 1, dtype=torch.long), state)
    assert seen == [(torch.float32, False)] * 5
