"""The kernels of attention on GPUs, as a table: no GPU is needed, and none is asked."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.pipeline import compile_spec
from runtime.package import load_package
from runtime.system.attention_kernels import (
    AttentionCall,
    AttentionRecorder,
    Choice,
    choose_attention_kernels,
    in_words,
    kernel_of,
    recorded_choices,
)

pytestmark = pytest.mark.quick

Make = Callable[..., Path]

H200, A100, T4 = (9, 0), (8, 0), (7, 5)
BFLOAT16 = AttentionCall(dtype=torch.bfloat16, d_k=64, d_v=64)
FLOAT32 = AttentionCall(dtype=torch.float32, d_k=64, d_v=64)


def changed(call: AttentionCall, **properties: Any) -> AttentionCall:
    fields = {name: getattr(call, name) for name in AttentionCall.__slots__}
    return AttentionCall(**fields | properties)


TABLE = [
    (BFLOAT16, H200, Choice("flash")),
    (BFLOAT16, A100, Choice("flash")),
    (BFLOAT16, T4, Choice("math", "the GPU's age and bfloat16")),
    (changed(BFLOAT16, dtype=torch.float16), T4, Choice("memory-efficient", "the GPU's age")),
    (changed(BFLOAT16, is_causal=True), H200, Choice("flash")),
    (
        changed(BFLOAT16, is_causal=True, queries=3, keys=4),
        H200,
        Choice("memory-efficient", "a causal mask over another number of keys than of queries"),
    ),
    (changed(BFLOAT16, mask_stride=1), H200, Choice("memory-efficient", "masks")),
    (
        changed(BFLOAT16, mask_stride=8),
        H200,
        Choice("math", "masks and masks whose keys do not lie side by side"),
    ),
    (changed(BFLOAT16, kv_heads=1, heads=4), H200, Choice("flash")),
    (
        changed(BFLOAT16, kv_heads=1, heads=4, mask_stride=1),
        H200,
        Choice("math", "masks and grouped heads"),
    ),
    (
        changed(BFLOAT16, d_k=32),
        H200,
        Choice("memory-efficient", "values of another width than keys"),
    ),
    # The flash kernel pads the width of a head to a multiple of 8, the other one does not.
    (changed(BFLOAT16, d_k=20, d_v=20), H200, Choice("flash")),
    (
        changed(BFLOAT16, d_k=20, d_v=20, mask_stride=1),
        H200,
        Choice("math", "masks and heads whose width is no multiple of 8"),
    ),
    (changed(BFLOAT16, d_k=256, d_v=256), H200, Choice("flash")),
    (
        changed(BFLOAT16, d_k=264, d_v=264),
        H200,
        Choice("memory-efficient", "heads wider than 256"),
    ),
    (FLOAT32, H200, Choice("memory-efficient", "float32")),
    (changed(FLOAT32, d_k=20, d_v=20, mask_stride=1), H200, Choice("memory-efficient", "float32")),
    (
        changed(FLOAT32, d_k=6, d_v=6),
        H200,
        Choice("math", "float32 and heads whose width is no multiple of 4"),
    ),
    (changed(FLOAT32, dtype=torch.float64), H200, Choice("math", "float64")),
    (changed(FLOAT32, dtype=None), H200, Choice("math", "mixed dtypes")),
]


@pytest.mark.parametrize(("call", "capability", "expected"), TABLE)
def test_each_call_gets_the_kernel_that_pytorch_takes(
    call: AttentionCall, capability: tuple[int, int], expected: Choice
) -> None:
    assert kernel_of(call, capability) == expected


@pytest.fixture
def cudnn() -> Iterator[None]:
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(True)
    yield
    torch.backends.cuda.enable_cudnn_sdp(before)


@pytest.mark.usefixtures("cudnn")
def test_cudnn_is_left_out_on_gpus_alone() -> None:
    choose_attention_kernels(torch.device("cpu"))
    assert torch.backends.cuda.cudnn_sdp_enabled()
    choose_attention_kernels(torch.device("cuda", 1))
    assert not torch.backends.cuda.cudnn_sdp_enabled()


def attend(mask: Tensor | None = None, **keywords: bool) -> Callable[[], Tensor]:
    query = torch.ones(2, 4, 3, 16)
    return lambda: F.scaled_dot_product_attention(query, query, query, mask, **keywords)


def test_calls_are_recorded_with_the_dtype_that_autocast_gives_them() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert recorded_choices(attend(is_causal=True), H200) == [Choice("flash")]
    assert recorded_choices(attend(), H200) == [Choice("memory-efficient", "float32")]


def test_the_stride_of_a_mask_is_recorded() -> None:
    mask = torch.zeros(3, 3, 4).permute(2, 0, 1)  # the keys lie four numbers apart
    with torch.autocast("cpu", torch.bfloat16):
        (choice,) = recorded_choices(attend(mask), H200)
    assert choice.kernel == "math"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_attention_that_is_compiled_or_written_out_is_recorded() -> None:
    from torch.nn.attention.flex_attention import flex_attention

    query = torch.ones(2, 4, 3, 16)
    compiled = torch.compile(flex_attention)
    choices = recorded_choices(lambda: compiled(query, query, query), H200)
    assert choices == [Choice("flex")]
    written = recorded_choices(lambda: (query @ query.mT).softmax(-1) @ query, H200)
    assert written == [Choice("written out", "capped scores")]


def test_a_recording_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    recorded_choices(lambda: torch.rand(3), H200)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_translation_says_which_layers_get_which_kernel(make_package: Make) -> None:
    package = load_package(make_package(dropout=0.0))
    model = package.model_class()
    source, target = torch.ones(2, 7, dtype=torch.long), torch.ones(2, 5, dtype=torch.long)
    with torch.autocast("cpu", torch.bfloat16):
        words = in_words(recorded_choices(lambda: model.features(source, target), H200))
    assert words == "attention: memory-efficient in 2 sub-layers because of masks, flash in 1"


@pytest.mark.parametrize("name", ["alibi", "local-global", "relative", "rotary"])
def test_masks_and_biases_are_written_as_fused_kernels_want_them(name: str, tmp_path: Path) -> None:
    compile_spec(name).write(tmp_path / "package")
    with torch.device("meta"):
        model = load_package(tmp_path / "package").model_class()
    source, target = torch.ones(2, 2, 200, dtype=torch.long, device="meta")
    choices = recorded_choices(lambda: model.features(source, target), H200)
    assert {choice.kernel for choice in choices} == {"memory-efficient"}


def test_words_name_the_most_frequent_kernel_first() -> None:
    masked = Choice("memory-efficient", "masks")
    assert in_words([Choice("flash"), masked, masked]) == (
        "attention: memory-efficient in 2 sub-layers because of masks, flash in 1"
    )
    assert in_words([Choice("varlen")]) == "attention: varlen in 1 sub-layer"
    assert in_words([]) == ""


def test_the_kernel_of_packed_sentences_is_recorded() -> None:
    """A CPU has no such kernel: the call is recorded before that is known."""
    from torch.nn.attention.varlen import varlen_attn

    query = torch.ones(6, 4, 16, dtype=torch.bfloat16)
    offsets = torch.tensor([0, 2, 6], dtype=torch.int32)
    with torch.no_grad(), AttentionRecorder(H200) as recorder, suppress(RuntimeError):
        varlen_attn(query, query, query, offsets, offsets, 4, 4)
    assert recorder.choices == [Choice("varlen")]
