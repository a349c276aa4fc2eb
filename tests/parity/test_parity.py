"""Our networks against other people's with the same weights, which come through a map.

A folder beside this file holds `spec.yaml`, `map.yaml`, and `build.py` with `build() -> Peer`.
"""

import importlib
from pathlib import Path

import pytest
import torch

from tests.parity.importing import imported_model
from tests.parity.peer import Peer

HERE = Path(__file__).parent
MODELS = sorted(file.parent.name for file in HERE.glob("*/build.py"))
CLOSE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.mark.parametrize("name", MODELS)
def test_logits_agree(name: str, tmp_path: Path) -> None:
    peer: Peer = importlib.import_module(f"tests.parity.{name}.build").build()
    ours = imported_model(HERE / name, peer.tensors, tmp_path)
    rows = ours(torch.ones(1, 1, dtype=torch.long), torch.ones(1, 1, dtype=torch.long)).size(-1)
    torch.manual_seed(3)
    source, target = torch.randint(4, rows, (3, 9)), torch.randint(4, rows, (3, 7))
    source[1, 6:] = 0
    with torch.no_grad():
        torch.testing.assert_close(ours(source, target), peer.logits(source, target), **CLOSE)
