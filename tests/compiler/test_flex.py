"""FlexAttention computes what the dense form does; on a CPU it has no backward pass and is slow."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._dynamo.testing import CompileCounter
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

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
    monkeypatch.setattr(package.model, "compiled_block_mask", lambda: create_block_mask)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    blocks = package.model.block_mask_of_positions(package.model.decoder_reads, target)
    assert isinstance(blocks, BlockMask)
    torch.testing.assert_close(model(source, target), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "setting",
    ["model.embedding.position=rotary", "model.attention.query_key_norm={kind: rms_norm}"],
)
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")
def test_queries_keys_and_values_have_one_dtype(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = import_package(compile_spec("demo", (*SMALL, setting)), tmp_path)
    dtypes = []

    def attend(query: Tensor, key: Tensor, value: Tensor, *_: object, **__: object) -> Tensor:
        dtypes.append({each.dtype for each in (query, key, value)})
        return value

    monkeypatch.setattr(package.model, "fused_flex_attention", lambda: attend)
    model, source = package.Model(), torch.randint(1, 20, (2, 150))
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    monkeypatch.setattr(package.model, "compiled_block_mask", lambda: create_block_mask)
    with torch.autocast("cpu", torch.bfloat16):
        model(source, source)
    assert dtypes == [{torch.bfloat16}] * 4


def test_tensors_of_mixed_dtypes_are_attended_to_in_that_of_the_values(tmp_path: Path) -> None:
    package = import_package(compile_spec("demo", SMALL), tmp_path)
    query, key, value = torch.randn(3, 2, 4, 5, 16)
    mask = torch.ones(5, 5, dtype=torch.bool)
    mixed = package.model.flexible_attention(query, key, value.bfloat16(), mask)
    assert mixed.dtype == torch.bfloat16
    plain = F.scaled_dot_product_attention(query, key, value)
    torch.testing.assert_close(mixed.float(), plain, atol=0.02, rtol=0.02)


def test_texts_of_a_length_share_the_blocks_of_a_mask_that_reads_no_padding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = import_package(compile_spec("demo", SMALL), tmp_path).model
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    made = []

    def make(*arguments: Any) -> BlockMask:
        made.append(arguments)
        return create_block_mask(*arguments)

    monkeypatch.setattr(package, "compiled_block_mask", lambda: make)
    tokens = torch.randint(1, 20, (2, 150))
    with torch.inference_mode():
        causal = package.block_mask_of_positions(package.decoder_reads, tokens)
    assert package.block_mask_of_positions(package.decoder_reads, tokens + 1) is causal
    assert not causal.kv_indices.is_inference()
    assert len(made) == 1
    padded = [package.block_mask(package.encoder_reads, tokens) for _ in range(2)]
    assert padded[0] is not padded[1]
    assert len(made) == 3


def test_texts_that_fill_no_block_have_a_plain_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = import_package(compile_spec("demo", SMALL), tmp_path).model
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    tokens = torch.ones(2, 128, dtype=torch.long)
    assert isinstance(package.block_mask(package.encoder_reads, tokens), Tensor)
    causal = package.block_mask_of_positions(package.decoder_reads, tokens)
    assert causal.equal(torch.ones(128, 128, dtype=torch.bool).tril())


def test_blocks_are_made_for_any_length_by_one_program() -> None:
    """The compiled form of `create_block_mask` gives what the plain one does."""
    programs = CompileCounter()
    compiled = torch.compile(create_block_mask, backend=programs, dynamic=True)

    def pairs(_batch: Tensor, _head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return j <= i

    for length in (200, 300, 400):
        got = compiled(pairs, None, None, length, length, torch.device("cpu"))
        expected = create_block_mask(pairs, None, None, length, length, "cpu")
        assert got.to_dense().equal(expected.to_dense())
    assert programs.frame_count <= 2
