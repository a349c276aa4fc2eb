"""FlexAttention computes what the dense form does; on a CPU it has no backward pass and is slow."""

from pathlib import Path

import pytest
import torch
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from compiler.pipeline import compile_spec
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

SMALL = (
    *("model.d_model=32", "model.attention.heads=2", "model.feed_forward.d_ff=8"),
    *("model.vocabulary.size=20", "model.kernel=flex"),
)


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        ("all", "causal"),
        ("window(3)", "causal & (window(3) | first(2))"),
        ("block(8)", "causal & dilated(3)"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_blocks_are_the_mask(
    encoder: str, decoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = {"encoder": encoder, "decoder": decoder}
    settings = [f'model.{stack}.self_attention.mask="{mask}"' for stack, mask in masks.items()]
    package = import_package(compile_spec("demo", (*SMALL, *settings)), tmp_path)
    model = package.Model().eval().requires_grad_(False)
    source, target = torch.randint(1, 20, (2, 150)), torch.randint(1, 20, (2, 140))
    source[1, 70:] = 0
    expected = model(source, target)
    monkeypatch.setattr(package.model, "fused_flex_attention", lambda: flex_attention)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    blocks = package.model.block_mask(package.model.decoder_reads, target)
    assert isinstance(blocks, BlockMask)
    torch.testing.assert_close(model(source, target), expected, atol=1e-5, rtol=1e-5)
