"""The generated network against torch.nn.Transformer: weights come through `torch/map.yaml`."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.parity.importing import imported_model
from tests.parity.peer import shake

HERE = Path(__file__).parent
WIDTH, HEADS, D_FF, LAYERS, ROWS = 16, 4, 24, 2, 30


@pytest.mark.filterwarnings("ignore:enable_nested_tensor", "ignore:The PyTorch API of nested")
@pytest.mark.parametrize("place", ["post", "pre"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_features_agree(place: str, activation: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    theirs = nn.Transformer(
        WIDTH,
        HEADS,
        LAYERS,
        LAYERS,
        D_FF,
        0.0,
        activation,
        norm_first=place == "pre",
        batch_first=True,
    ).eval()
    shake(theirs)
    table = torch.randn(ROWS, WIDTH)
    tensors = {"embedding.weight": table, **theirs.state_dict()}
    settings = [f"model.norm.place={place}", f"model.feed_forward.activation={activation}"]
    ours = imported_model(HERE / "torch", tensors, tmp_path, settings)
    source, target = torch.randint(1, ROWS, (3, 9)), torch.randint(1, ROWS, (3, 7))
    source[1, 6:] = 0
    with torch.no_grad():
        expected = theirs(
            embedded(table, source),
            embedded(table, target),
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(7),
            src_key_padding_mask=source == 0,
            memory_key_padding_mask=source == 0,
            tgt_is_causal=True,
        )
        got = ours.features(source, target)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def embedded(table: Tensor, tokens: Tensor) -> Tensor:
    """The paper's embeddings and positions, written down once more, entry by entry."""
    positions = torch.empty(tokens.size(1), WIDTH)
    for position in range(tokens.size(1)):
        for i in range(WIDTH // 2):
            angle = position / 10000 ** (2 * i / WIDTH)
            positions[position, 2 * i] = math.sin(angle)
            positions[position, 2 * i + 1] = math.cos(angle)
    return table[tokens] * WIDTH**0.5 + positions
