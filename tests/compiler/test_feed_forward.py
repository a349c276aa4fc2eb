"""Forms of the feed-forward network against the formulas of Shazeer (2020), and torch."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compiler.activations import ACTIVATIONS
from compiler.analysis.cost import count_parameters
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

WIDTH, D_FF = 8, 12


def tree(feed_forward: dict[str, Any]) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    return {
        "name": "feed-forward",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"size": 20},
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": D_FF, **feed_forward},
            "encoder": {"layers": 1},
            "decoder": {"layers": 1},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def network(feed_forward: dict[str, Any], folder: Path) -> nn.Module:
    """The feed-forward network of a model's encoder, its biases at random, too."""
    torch.manual_seed(1)
    package = import_package(compile_tree(tree(feed_forward), folder), folder)
    module: nn.Module = package.Model().eval().encoder.layers[0].feed_forward
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) / 2)
    return module


def activated(activation: str, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The functions by their formulas."""
    match activation:
        case "relu":
            return x.clamp(min=0)
        case "gelu":
            return x * (1 + torch.erf(x / 2**0.5)) / 2
        case "gelu_tanh":
            return F.gelu(x, approximate="tanh")
        case "silu":
            return x / (1 + torch.exp(-x))
        case "sigmoid":
            return 1 / (1 + torch.exp(-x))
        case "relu_squared":
            return x.clamp(min=0) ** 2
        case "quick_gelu":
            return x / (1 + torch.exp(-1.702 * x))
        case "xielu":
            above = torch.log1p(weights["activation.alpha_p"].exp())
            below = 0.5 + torch.log1p(weights["activation.alpha_n"].exp())
            return torch.where(x > 0, above * x**2, below * (x.exp() - 1 - x)) + x / 2
        case "tanh":
            return (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x))
    raise AssertionError(activation)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forms(activation: str, gated: bool, bias: bool, tmp_path: Path) -> None:
    ours = network({"activation": activation, "gated": gated, "bias": bias}, tmp_path)
    weights = dict(ours.named_parameters())
    assert ("hidden.bias" in weights, "output.bias" in weights) == (bias, bias)
    x = torch.randn(3, 5, WIDTH)
    h = F.linear(x, weights["hidden.weight"], weights.get("hidden.bias"))
    if gated:
        hidden = activated(activation, h[..., :D_FF], weights) * h[..., D_FF:]
    else:
        hidden = activated(activation, h, weights)
    expected = F.linear(hidden, weights["output.weight"], weights.get("output.bias"))
    torch.testing.assert_close(ours(x), expected)


@pytest.mark.parametrize("experts", [None, {"count": 3}])
def test_a_gate_that_is_bounded(experts: dict[str, int] | None, tmp_path: Path) -> None:
    """GPT-OSS bounds the gate from above alone, and moves what it multiplies after its bounds."""
    settings = {"activation": "quick_gelu", "gated": True, "clamp": 0.7, "up_offset": 1.0}
    ours: Any = network(settings | ({"experts": experts} if experts else {}), tmp_path)
    one = ours.experts[1] if experts else ours
    x = 3 * torch.randn(40, WIDTH)
    gate, up = one.hidden(x).chunk(2, dim=-1)
    gate = torch.minimum(gate, torch.tensor(0.7))
    up = up.clamp(-0.7, 0.7) + 1
    torch.testing.assert_close(one(x), one.output(gate * torch.sigmoid(1.702 * gate) * up))
    assert gate.min() < -0.7


def test_an_xielu_starts_as_its_authors_say_and_learns(tmp_path: Path) -> None:
    package = import_package(compile_tree(tree({"activation": "xielu"}), tmp_path), tmp_path)
    xielu = package.Model().encoder.layers[0].feed_forward.activation
    x = torch.tensor([-9.0, -0.5, 0.0, 2.0])
    below = 0.8 * (x.exp() - 1 - x) + x / 2
    torch.testing.assert_close(xielu(x), torch.where(x > 0, 0.8 * x**2 + x / 2, below))
    xielu(x).sum().backward()
    assert all(each.grad.abs() > 0.1 for each in xielu.parameters())
    torch.testing.assert_close(xielu(x.bfloat16()).float(), xielu(x), rtol=0.02, atol=0.02)


def test_slices_of_the_hidden_map_are_named(tmp_path: Path) -> None:
    encoder = compile_tree(tree({"gated": True}), tmp_path).model.part("encoder")
    layer = encoder.part("layers").block  # type: ignore[union-attr]
    weight, bias = layer.part("feed_forward").part("hidden").parameters()
    assert weight.slices == bias.slices
    assert [name for name, _ in weight.slices] == ["gate", "hidden"]


def test_a_gate_is_a_third_matrix(tmp_path: Path) -> None:
    plain, gated = (
        count_parameters(compile_tree(tree({"bias": False, "gated": each}), tmp_path).model)
        for each in (False, True)
    )
    assert gated - plain == 2 * WIDTH * D_FF
