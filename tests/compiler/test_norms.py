"""Kinds and places of norms, against torch's own modules and the formulas of the papers."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from compiler.analysis.cost import count_parameters
from compiler.lower.deep_norm import factors
from compiler.ops.expression import evaluate
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

WIDTH = 8


def tree(norm: dict[str, Any], **stacks: Any) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    return {
        "name": "norms",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"size": 20},
            "norm": norm,
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 12},
            "encoder": {"layers": 1},
            "decoder": {"layers": 1},
            **stacks,
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def encoder_layer(norm: dict[str, Any], folder: Path) -> nn.Module:
    """The only layer of a model's encoder, all of its parameters at random."""
    model = import_package(compile_tree(tree(norm), folder), folder).Model().eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 2)
    layer: nn.Module = model.encoder.layers[0]
    return layer


@pytest.mark.parametrize("kind", [{}, {"kind": "layer_norm"}], ids=["by default", "written"])
def test_a_stack_with_another_norm_keeps_its_place(kind: dict[str, Any], tmp_path: Path) -> None:
    norm = {**kind, "place": "pre", "eps": 1e-3}
    settings = tree(norm, encoder={"layers": 1, "norm": "rms_norm"})
    encoder, decoder = (
        each.norm for _, each in compile_tree(settings, tmp_path).spec.model.stacks()
    )
    assert (encoder.kind, encoder.place, encoder.eps) == ("rms_norm", "pre", 1e-3)
    assert (decoder.kind, decoder.place, decoder.eps) == ("layer_norm", "pre", 1e-3)


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(3, 5, WIDTH)


@pytest.mark.parametrize("eps", [1e-5, 0.1])
@pytest.mark.parametrize("offset", [False, True])
def test_rms_norm_is_torchs(eps: float, offset: bool, tmp_path: Path, x: Tensor) -> None:
    layer = encoder_layer({"kind": "rms_norm", "offset": offset, "eps": eps}, tmp_path)
    ours, theirs = layer.get_submodule("self_attention_norm"), nn.RMSNorm(WIDTH, eps)
    weight = ours.get_parameter("weight").detach()
    theirs.weight = nn.Parameter(weight + 1 if offset else weight)
    torch.testing.assert_close(ours(x), theirs(x))
    by_hand = x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt() * theirs.weight
    torch.testing.assert_close(ours(x), by_hand)


def test_an_offset_starts_at_a_gain_of_one(tmp_path: Path) -> None:
    package = compile_tree(tree({"kind": "rms_norm", "offset": True}), tmp_path)
    norm = import_package(package, tmp_path).Model().encoder.layers[0].feed_forward_norm
    assert not norm.weight.any()


@pytest.mark.parametrize("place", ["post", "pre", "output", "sandwich", "deep"])
def test_places(place: str, tmp_path: Path, x: Tensor) -> None:
    """A layer of the encoder, written down once more."""
    layer, mask = encoder_layer({"place": place}, tmp_path), torch.ones(3, 1, 1, 5).bool()
    parts = dict(layer.named_modules())
    alpha = 0.81
    expected = x
    for name, others in (("self_attention", (mask,)), ("feed_forward", ())):
        norm = parts[f"{name}_output_norm" if place == "output" else f"{name}_norm"]
        match place:
            case "post":
                expected = norm(expected + parts[name](expected, *others))
            case "pre":
                expected = expected + parts[name](norm(expected), *others)
            case "output":
                expected = expected + norm(parts[name](expected, *others))
            case "sandwich":
                inside = parts[name](norm(expected), *others)
                expected = expected + parts[f"{name}_output_norm"](inside)
            case "deep":
                expected = norm(alpha * expected + parts[name](expected, *others))
    torch.testing.assert_close(layer(x, mask), expected)


@pytest.mark.parametrize(
    ("stack", "layers", "expected"),
    [
        ("encoder", (18, 18), (0.81 * 18 ** (5 / 16), 0.87 * 18 ** (-5 / 16))),
        ("encoder", (100, 10), (0.81 * 10 ** (9 / 16), 0.87 * 10 ** (-9 / 16))),
        ("decoder", (18, 27), (3.0, 18**-0.5)),
        ("encoder", (8, 0), (2.0, 8**-0.5)),
        ("decoder", (0, 8), (2.0, 8**-0.5)),
    ],
)
def test_factors_of_deep_norm(
    stack: str, layers: tuple[int, int], expected: tuple[float, float]
) -> None:
    assert [*map(evaluate, factors(stack, *layers))] == pytest.approx(expected)


def test_each_stack_has_its_factors(tmp_path: Path) -> None:
    stacks = {"encoder": {"layers": [{"repeat": 2}, {"dropout": 0.1}]}, "decoder": {"layers": 27}}
    package = import_package(compile_tree(tree({"place": "deep"}, **stacks), tmp_path), tmp_path)
    model, code = package.Model(), import_module(f"{package.__name__}.model")
    for stack in ("encoder", "decoder"):
        alpha, beta = map(evaluate, factors(stack, 3, 27))
        assert getattr(code, f"{stack.upper()}_ALPHA") == alpha
        assert getattr(code, f"{stack.upper()}_BETA") == beta
        for layer in getattr(model, stack).layers:
            bound = beta * (6 / (12 + WIDTH)) ** 0.5
            assert 0.8 * bound < layer.feed_forward.hidden.weight.abs().max() <= bound


def test_factors_of_deep_norm_are_written_as_formulas(tmp_path: Path) -> None:
    text = compile_tree(tree({"place": "deep"}), tmp_path).files["model.py"]
    power = "(ENCODER_LAYERS**4 * DECODER_LAYERS) ** (1 / 16)"
    assert f"\nENCODER_ALPHA = 0.81 * {power}  # Wang et al. 2022\n" in text
    assert "\nDECODER_BETA = (12 * DECODER_LAYERS) ** -0.25  # Wang et al. 2022\n" in text


def test_no_norm_is_no_parameter(tmp_path: Path) -> None:
    counts = [
        count_parameters(compile_tree(tree(norm), tmp_path).model)
        for norm in ({}, {"bias": False}, {"kind": "none"})
    ]
    assert counts[0] - counts[1] == counts[1] - counts[2] == 5 * WIDTH


def test_what_a_parent_wrote_gives_way(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text("extends: demo\nname: parent\nmodel: {norm: {eps: 1e-3}}")
    package = compile_tree(
        {"extends": "parent.yaml", "name": "child", "model": {"norm": {"kind": "none"}}}, tmp_path
    )
    assert "Norm" not in package.files["model.py"]


def test_embeddings_are_normalised_after_positions(tmp_path: Path) -> None:
    """A norm takes away what is added to each number alike, and a factor."""
    package = compile_tree(tree({}, embedding={"norm": True}), tmp_path)
    model = import_package(package, tmp_path).Model().eval()
    read: list[Tensor] = []
    for stack in (model.encoder, model.decoder):
        stack.layers[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    model(torch.arange(1, 8).view(1, 7), torch.arange(1, 5).view(1, 4))
    for x in read:
        torch.testing.assert_close(x.mean(-1), torch.zeros(x.shape[:-1]), atol=1e-5, rtol=0)
        torch.testing.assert_close(
            x.var(-1, correction=0), torch.ones(x.shape[:-1]), atol=1e-3, rtol=0
        )
