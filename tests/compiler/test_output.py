"""What stands between the output projection and the logits."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.packages import compile_tree, import_package

WIDTH = 16


def tree(output: dict[str, Any], tied: str) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    return {
        "name": "output",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"size": 20},
            "embedding": {"tied": tied},
            "output": output,
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 16},
            "encoder": {"layers": 1},
            "decoder": {"layers": 1},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


@pytest.mark.parametrize("tied", ["all", "none"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("scale", "factor"), [(1.0, 1.0), (0.3, 0.3), ("inverse_sqrt_d_model", WIDTH**-0.5)]
)
@pytest.mark.parametrize("cap", [None, 2.0])
def test_logits(
    tied: str, bias: bool, scale: object, factor: float, cap: float | None, tmp_path: Path
) -> None:
    output = {"bias": bias, "scale": scale, "soft_cap": cap}
    settings = {key: value for key, value in output.items() if value is not None}
    torch.manual_seed(0)
    model = import_package(compile_tree(tree(settings, tied), tmp_path), tmp_path).Model()
    parameters = dict(model.named_parameters())
    assert ("output_bias" in parameters) == bias
    features, b = torch.randn(3, 5, WIDTH), torch.zeros(20)
    if bias:
        assert not model.output_bias.any(), "it starts at zero"
        b = torch.randn(20)
        model.output_bias.data.copy_(b)
    table = parameters["embedding.weight" if tied == "all" else "projection.weight"]
    expected = (F.linear(features, table) + b) * factor
    if cap is not None:
        expected = cap * torch.tanh(expected / cap)
        assert expected.abs().max() < cap
    torch.testing.assert_close(model.project(features), expected)
