"""Packed sentences: what torch's kernel for them is given, and what cannot be packed."""

import importlib
from collections.abc import Iterable
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import varlen
from torch.torch_version import TorchVersion

from compiler.analysis.refusals import why_not_packed
from compiler.explain import explain
from compiler.mask.parse import parse
from compiler.ops.packing import packed_window
from compiler.pipeline import PROOFS, build, compile_spec
from compiler.spec.load import load
from tests.support.packages import import_package
from tests.support.packing import pack, pad, real_places

LENGTHS = {"source": (7, 1, 4), "target": (1, 9, 5)}
Call = tuple[list[int], list[int], int, int, tuple[int, int]]
"""Offsets and longest lengths of queries and keys, in turn, and the window."""

UNPACKABLE = [
    ("model.attention.dropout=0.1", "drops no attention weights"),
    ("model.attention.soft_cap=30", "no cap on scores"),
    ("model.attention.sinks=true", "no score for reading nothing"),
    ("model.embedding.position=alibi", "adds no bias to scores"),
    ("model.embedding.position={kind: relative}", "adds no bias to scores"),
    ("model.attention.d_v=16", "as wide as values"),
    ("model.attention={heads: 2, d_k: 320, d_v: 320}", "at most 256 numbers"),
    ("model.encoder.self_attention.mask=block(4)", "mask `block(4)`"),
    ("model.encoder.self_attention.mask=dilated(2)", "mask `dilated(2)`"),
    ("model.decoder.cross_attention.mask=window(3)", "between two streams"),
    ("model.kernel=flex", "`kernel: flex`"),
]


@pytest.mark.quick
@pytest.mark.parametrize(("setting", "words"), UNPACKABLE)
def test_what_cannot_be_packed_says_why(setting: str, words: str) -> None:
    """The reason is known to `check`, too, which derives nothing."""
    package = compile_spec("demo", [setting])
    found = why_not_packed(package.model)
    assert found is not None
    assert words in str(found)
    assert "packed.py" not in package.files
    assert "packed" not in package.files["test_model.py"]
    assert explain(package, length=8).not_packed == str(found)
    loaded = load("demo", [setting])
    assert str(why_not_packed(build(loaded, PROOFS))) == str(found)


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_a_recurrence_says_why(kind: str) -> None:
    found = why_not_packed(compile_spec(kind).model)
    assert found is not None
    assert found.place == "encoder.layers.recurrence"
    assert "from one sentence to the next" in found.reason
    assert "recurrence" in found.span.source.line(found.span.line)


WINDOWS: list[tuple[str, tuple[int, int] | None]] = [
    ("all", (-1, -1)),
    ("causal", (-1, 0)),
    ("causal & window(3)", (3, 0)),
    ("window(left=2, right=5)", (2, 5)),
    ("window(0)", (0, 0)),
    ("~causal", None),
    ("causal & ~window(0)", None),
    ("causal & block(3)", None),
    ("window(1) | first(2)", None),
]


@pytest.mark.quick
@pytest.mark.parametrize(("mask", "window"), WINDOWS)
def test_the_window_of_a_mask(mask: str, window: tuple[int, int] | None) -> None:
    """A window includes the position of the query, and all between its two ends."""
    assert packed_window(parse(mask)) == window


def packed_of(reference: str, settings: Iterable[str], folder: Path) -> tuple[ModuleType, Any]:
    """Return the module `packed` of a package, and a model in bfloat16, in evaluation mode."""
    module = import_package(compile_spec(reference, settings), folder)
    torch.manual_seed(1)
    return importlib.import_module(f"{module.__name__}.packed"), module.Model().bfloat16().eval()


def texts_of(model: Any) -> list[list[Tensor]]:
    """Return random texts for each stream that a model reads."""
    stacks = {"source": "encoder", "target": "decoder"}
    streams = [stream for stream, stack in stacks.items() if hasattr(model, stack)]
    return [[torch.randint(1, 100, (each,)) for each in LENGTHS[name]] for name in streams]


def varlen_attn(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """Compute all pairs of places, and leave out those that torch's documentation leaves out."""
    assert query.size(-1) % 8 == 0
    assert enable_gqa or query.size(1) == key.size(1)
    sentence_q, sentence_k = (
        torch.repeat_interleave(torch.arange(each.numel() - 1), each.diff())
        for each in (cu_seq_q, cu_seq_k)
    )
    i = torch.arange(query.size(0)) - cu_seq_q[sentence_q]
    j = torch.arange(key.size(0)) - cu_seq_k[sentence_k]
    assert max(i) < max_q
    assert max(j) < max_k
    left, right = (2**20 if each < 0 else each for each in window_size)
    distance = j - i[:, None]
    read = (sentence_q[:, None] == sentence_k) & (distance >= -left) & (distance <= right)
    shared = query.size(1) // key.size(1)
    key, value = (each.repeat_interleave(shared, 1).float() for each in (key, value))
    score = torch.einsum("qhd,khd->hqk", query.float(), key) * (scale or query.size(-1) ** -0.5)
    weight = score.masked_fill(~read, -torch.inf).softmax(-1)
    return torch.einsum("hqk,khd->qhd", weight, value).type_as(query)


NETWORKS: list[tuple[str, list[str]]] = [
    ("demo", []),
    ("demo", ["model.attention={d_k: 12, d_v: 12}"]),
    ("local-global", []),
    ("head-masks", []),
    ("llama-like", []),
    ("grouped-heads", []),
    ("query-key-norm", []),
]


@pytest.mark.parametrize(("reference", "settings"), NETWORKS)
def test_the_kernel_for_packed_sentences_is_given_what_the_plain_form_is_given(
    reference: str, settings: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel, here written plainly by torch's documentation, gives the same features."""
    packed, model = packed_of(reference, settings, tmp_path)
    texts = texts_of(model)
    streams = [pack(packed, each) for each in texts]
    kernel, plain, known = list[Call](), list[Call](), signature(varlen.varlen_attn)

    def noted(*inputs: Any, window_size: tuple[int, int] = (-1, -1), **settings: Any) -> Tensor:
        known.bind(*inputs, window_size=window_size, **settings)
        offsets = [each.tolist() for each in inputs[3:5]]
        kernel.append((offsets[0], offsets[1], inputs[5], inputs[6], window_size))
        return varlen_attn(*inputs, window_size=window_size, **settings)

    by_sentence = packed.attention_by_sentence

    def noted_plainly(*inputs: Any, window: tuple[int, int] = (-1, -1), **settings: Any) -> Tensor:
        queries, keys = inputs[3:5]
        offsets = [each.offsets.tolist() for each in (queries, keys)]
        plain.append((offsets[0], offsets[1], queries.longest, keys.longest, window))
        own = {"window": window} if window != (-1, -1) else {}
        result: Tensor = by_sentence(*inputs, **own, **settings)
        return result

    monkeypatch.setattr(varlen, "varlen_attn", noted)
    monkeypatch.setattr(packed, "attention_by_sentence", noted_plainly)
    with torch.no_grad():
        expected = packed.features(model, *streams)
        monkeypatch.setattr(packed, "attention_by_sentence", packed.varlen_attention)
        got = packed.features(model, *streams)
        padded = model.features(*map(pad, texts))
    assert kernel
    assert kernel == plain
    largest = padded.abs().max().item()
    torch.testing.assert_close(got, expected, atol=0.03 * largest, rtol=0.0)
    real = real_places(padded, tuple(map(len, texts[-1])))
    torch.testing.assert_close(got[: len(real)], real, atol=0.03 * largest, rtol=0.0)


@pytest.mark.quick
@pytest.mark.parametrize(("version", "names"), [("2.11.0", set()), ("2.12.0", {"enable_gqa"})])
def test_the_kernel_is_asked_for_grouped_heads_where_it_wants_to_be(
    version: str, names: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function of PyTorch 2.11 groups heads of itself, and has no such argument."""
    given = set[str]()

    def noted(query: Tensor, *_: Any, **others: Any) -> Tensor:
        given.update(others)
        return query

    packed, _ = packed_of("grouped-heads", [], tmp_path)
    stream = pack(packed, [torch.ones(3, dtype=torch.long)])
    query, key = (torch.randn(1, heads, 6, 8).bfloat16() for heads in (4, 2))
    monkeypatch.setattr(varlen, "varlen_attn", noted)
    monkeypatch.setattr(torch, "__version__", TorchVersion(version))
    packed.varlen_attention(query, key, key, stream, stream, enable_gqa=True)
    assert given & {"enable_gqa"} == names


@pytest.mark.quick
def test_numbers_of_32_bits_are_refused_on_a_gpu(tmp_path: Path) -> None:
    packed, _ = packed_of("demo", [], tmp_path)
    stream = pack(packed, [torch.ones(3, dtype=torch.long)])
    x = torch.randn(1, 2, 6, 8)
    with pytest.raises(ValueError, match=r"expected bfloat16 or float16 .* got torch\.float32"):
        packed.varlen_attention(x, x, x, stream, stream)


@pytest.mark.quick
def test_a_sentence_longer_than_the_bound_is_refused(tmp_path: Path) -> None:
    """The kernel on a GPU would compute something else without a word."""
    packed, model = packed_of("demo", ["model.embedding.position=none"], tmp_path)
    streams = [pack(packed, each)._replace(longest=4) for each in texts_of(model)]
    with pytest.raises(ValueError, match="expected at most 4 tokens, got 7"):
        packed.features(model, *streams)


@pytest.mark.quick
def test_a_layer_may_run_its_program_in_its_own_way(tmp_path: Path) -> None:
    """A trainer may recompute a layer in the backward pass, whatever its class has become."""
    packed, model = packed_of("local-global", [], tmp_path)
    streams = [pack(packed, each) for each in texts_of(model)]
    ran = []

    class Own:
        def run(self, program: Any, *inputs: Any) -> Tensor:
            ran.append(program.__name__)
            result: Tensor = program(self, *inputs)
            return result

    with torch.no_grad():
        expected = packed.features(model, *streams)
        for layer in (*model.encoder.layers, *model.decoder.layers):
            layer.__class__ = type("Layer", (Own, type(layer)), {})
        assert torch.equal(packed.features(model, *streams), expected)
    assert set(ran) == {"encoder_layer", "local_decoder_layer", "global_decoder_layer"}


@pytest.mark.parametrize("reference", ["local-global", "head-masks", "convolution", "classifier"])
def test_the_forward_pass_of_packed_sentences_is_one_graph(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU, where attention is one operation; no length of a sentence is asked for.

    Other sentences, as many and as long together, are computed by the same graph. Dropout is left
    out, whose form for a CPU no graph can hold.
    """

    def of_queries(query: Tensor, *_: Any, **__: Any) -> Tensor:
        return query * 2

    packed, model = packed_of(reference, ["model.dropout=0"], tmp_path)
    model.train()
    monkeypatch.setattr(varlen, "varlen_attn", of_queries)
    if hasattr(packed, "attention_by_sentence"):
        monkeypatch.setattr(packed, "attention_by_sentence", packed.varlen_attention)
    graphs = list[torch.fx.GraphModule]()

    def noted(graph: torch.fx.GraphModule, _: list[Tensor]) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    torch._dynamo.reset()
    compiled = torch.compile(packed.features, backend=noted, fullgraph=True)
    for lengths in ((7, 1, 4), (2, 2, 8), (3, 5, 4)):
        texts = [torch.randint(1, 100, (each,)) for each in lengths]
        streams = [pack(packed, texts)._replace(longest=9)] * len(texts_of(model))
        assert compiled(model, *streams).requires_grad
    assert len(graphs) == 1
