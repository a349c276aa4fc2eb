"""Tiny random networks, whose output layer is not tied so that they do more than repeat a token."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from runtime.package import load_package
from tests.runtime.inference.tied import Tied

DEMO = Path(__file__).parents[3] / "generated" / "demo"
TINY = {"D_MODEL": 16, "HEADS": 2, "D_K": 8, "D_V": 8, "D_FF": 32}


@pytest.fixture
def tiny_model(tmp_path: Path) -> Callable[..., Any]:
    """tiny_model(vocabulary=13, seed=0, bias={token: logit}) -> a network in evaluation mode."""

    def build(*, vocabulary: int = 13, seed: int = 0, bias: dict[int, float] | None = None) -> Any:
        folder = tmp_path / f"demo-{vocabulary}"
        if not folder.exists():
            shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("__pycache__"))
            _shrink(folder / "model.py", TINY | {"VOCABULARY": vocabulary})
        torch.manual_seed(seed)
        model: Any = load_package(folder).model_class()
        weight, biases = torch.randn(vocabulary, TINY["D_MODEL"]) / 2, torch.zeros(vocabulary)
        for token, logit in (bias or {}).items():
            biases[token] = logit
        model.project = lambda features: F.linear(features, weight, biases)
        return model.eval()

    return build


def _shrink(path: Path, constants: dict[str, int]) -> None:
    text = path.read_text(encoding="utf-8")
    for name, value in constants.items():
        text, count = re.subn(rf"(?m)^{name} = \d+$", f"{name} = {value}", text)
        assert count == 1, name
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def tied() -> Tied:
    """Return a network that has the same weights in each test."""
    torch.manual_seed(5)
    return Tied().eval()
