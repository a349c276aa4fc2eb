"""Documents of one text that are apart: as if each stood alone, in every way to compute them."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.analysis.dependence import dependence_of
from compiler.analysis.refusals import why_not_packed
from compiler.pipeline import PROOFS, build
from compiler.spec.load import load
from compiler.spec.mixer import MIXERS
from runtime.data.symbols import BEGIN
from tests.compiler.test_prefill import LAYERS, ROWS, model_of, spec
from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package

KINDS: dict[str, Tree] = {
    **{
        name: layers
        for name, layers in LAYERS.items()
        if MIXERS.keys().isdisjoint(layers.get("block", ()))
    },
    "sinusoidal": {"position": {"kind": "sinusoidal", "layout": "tensor2tensor", "offset": 2}},
    "learned": {"position": {"kind": "learned", "max_length": 64}},
    "part of rotary": {
        "position": {
            "kind": "rotary",
            "fraction": 0.5,
            "layout": "interleaved",
            "scaling": {"kind": "llama3", "factor": 4.0, "original_length": 8},
        }
    },
    "none": {"position": {"kind": "none"}},
    "before itself": {"self_attention": {"mask": "causal & (~window(0) | first(1))"}},
    "two kinds": {"layers": [{"position": "alibi"}, {"position": "rotary"}]},
}
LENGTH = 40
CUTS = ((9, 10, 31), (20,), ())
"""Where documents begin in each text, besides its own beginning."""


def apart(decoder: Tree) -> Tree:
    tree = spec(decoder)
    tree["model"]["documents"] = "apart"
    tree["data"]["max_length"] = 64
    return tree


def packed_texts() -> Tensor:
    tokens = torch.randint(BEGIN + 1, ROWS, (len(CUTS), LENGTH))
    tokens[:, 0] = BEGIN
    for text, cuts in zip(tokens, CUTS, strict=True):
        text[[*cuts]] = BEGIN
    return tokens


@pytest.mark.quick
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_a_document_has_the_logits_that_it_has_alone(kind: str, tmp_path: Path) -> None:
    model, tokens = model_of(apart(KINDS[kind]), tmp_path), packed_texts()
    logits = model(tokens)
    for row, cuts in enumerate(CUTS):
        for begin, end in zip((0, *cuts), (*cuts, LENGTH), strict=True):
            alone = model(tokens[row : row + 1, begin:end])[0]
            torch.testing.assert_close(logits[row, begin:end], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.quick
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_documents_begin_within_the_cache(kind: str, tmp_path: Path) -> None:
    """Beams, of which some begin a document, give what each hypothesis gives alone."""
    model = model_of(apart(KINDS[kind]), tmp_path)
    prefix = packed_texts()[:, None]
    state = model.start(prefix[:, 0])
    torch.testing.assert_close(model.prefill(prefix[:, 0], state), model.features(prefix[:, 0]))
    for beam in (1, 3, 2, 3, 3, 1, 2, 3):
        parent = torch.randint(0, prefix.size(1), (len(CUTS), beam))
        token = torch.randint(BEGIN, BEGIN + 4, (len(CUTS), beam))
        prefix = prefix.gather(1, parent.unsqueeze(2).expand(-1, -1, prefix.size(2)))
        prefix = torch.cat((prefix, token.unsqueeze(2)), dim=2)
        got = model.step(token, parent, state)
        for index in range(beam):
            expected = model.features(prefix[:, index])[:, -1]
            torch.testing.assert_close(got[:, index], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.quick
@pytest.mark.parametrize("kind", ["causal", "ALiBi", "learned"])
def test_no_gradient_crosses_a_boundary(kind: str, tmp_path: Path) -> None:
    model, tokens = model_of(apart(KINDS[kind]), tmp_path), packed_texts()[:1]
    embedded: list[Tensor] = []
    model.embedding.register_forward_hook(lambda *each: embedded.append(each[2]))
    logits = model(tokens)
    for position, begin in ((8, 0), (9, 9), (25, 10), (39, 31)):
        (gradient,) = torch.autograd.grad(
            logits[0, position].square().sum(), embedded[0], retain_graph=True
        )
        (read,) = torch.nonzero(gradient[0].any(dim=-1), as_tuple=True)
        assert read.tolist() == [*range(begin, position + 1)]


@pytest.mark.quick
@torch.no_grad()
def test_the_weights_of_attention_stay_within_documents(tmp_path: Path) -> None:
    module = import_package(compile_tree(apart({}), tmp_path), tmp_path)
    program: Any = importlib.import_module(f"{module.__name__}.attention_weights")
    tokens = packed_texts()
    for weights in program.attention_weights(module.Model().eval(), tokens).values():
        assert (weights.sum(dim=-1) - 1).abs().max() < 1e-5
        assert not weights[0, :, 10:31, :10].any()
        assert not weights[1, :, 20:, :20].any()


@pytest.mark.quick
def test_the_proof_and_the_reason_against_packing(tmp_path: Path) -> None:
    compile_tree(apart({}), tmp_path)
    (path,) = tmp_path.glob("*.yaml")
    model = build(load(str(path)), PROOFS)
    offsets = dependence_of(model, model.function("features"))
    assert offsets["target"].high == 0
    assert "documents" in str(why_not_packed(model))
