"""The average of checkpoints."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from runtime.checkpoints.choice import average_weights

pytestmark = pytest.mark.quick


def test_the_mean_of_three_files(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.safetensors")
        save_file({"weight": torch.tensor([float(number), 1.0])}, paths[-1])
    average = average_weights(paths)
    assert average.keys() == {"weight"}
    assert average["weight"].tolist() == [1.0, 1.0]
    assert average["weight"].dtype == torch.float32


def test_the_mean_is_not_rounded_on_the_way(tmp_path: Path) -> None:
    values = [2.0**24, 1.0, 1.0, 2.0]  # In float32, 2^24 + 1 is 2^24.
    for number, value in enumerate(values):
        save_file({"weight": torch.tensor([value])}, tmp_path / f"{number}.safetensors")
    average = average_weights(sorted(tmp_path.iterdir()))
    assert average["weight"].item() == (2.0**24 + 4.0) / 4


def test_one_file_is_its_own_mean(tmp_path: Path) -> None:
    weight = torch.randn(100)
    save_file({"weight": weight}, tmp_path / "one.safetensors")
    assert torch.equal(average_weights([tmp_path / "one.safetensors"])["weight"], weight)
