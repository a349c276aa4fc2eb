"""The variants of torch.nn.Transformer: where its norms stand, and its non-linearities."""

from pathlib import Path

import pytest
import torch

from tests.parity.importing import imported_model
from tests.parity.torch.build import ROWS, peer_with

pytestmark = pytest.mark.quick


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("place", ["post", "pre"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_logits_agree(place: str, activation: str, tmp_path: Path) -> None:
    theirs = peer_with(place, activation)
    settings = [f"model.norm.place={place}", f"model.feed_forward.activation={activation}"]
    ours = imported_model("torch", theirs.tensors, tmp_path, settings)
    source, target = torch.randint(1, ROWS, (3, 9)), torch.randint(1, ROWS, (3, 7))
    source[1, 6:] = 0
    with torch.no_grad():
        expected, got = theirs.logits(source, target), ours(source, target)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
