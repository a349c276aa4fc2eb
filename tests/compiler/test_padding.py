"""A text of padding alone: no attention reads it, and nothing that is computed of it is NaN."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from compiler.ir.block import Block
from compiler.mask.mask import CAUSAL
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.transforms.derive_weights import attentions
from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs

EXAMPLES = 60
BATCH, EMPTY = 3, 1
SMALL = (
    *("model.d_model=8", "model.feed_forward.d_ff=8", "model.vocabulary.size=20"),
    *("model.encoder.layers=1", "model.attention.heads=2"),
)
DECODER = (*SMALL, "model.decoder.layers=1")
PLANTED = {
    "soft cap": ("demo", (*DECODER, "model.attention.soft_cap=5")),
    "sinks": ("demo", (*DECODER, "model.attention.sinks=true")),
    "dropout on attention": ("demo", (*DECODER, "model.attention.dropout=0.5")),
    "soft cap and dropout": (
        "demo",
        (*DECODER, "model.attention.soft_cap=5", "model.attention.dropout=0.5"),
    ),
    "ALiBi": ("demo", (*DECODER, "model.embedding.position=alibi")),
    "ALiBi with dropout": (
        "demo",
        (*DECODER, "model.embedding.position=alibi", "model.attention.dropout=0.5"),
    ),
    "relative positions": ("demo", (*DECODER, "model.embedding.position=relative")),
    "FlexAttention": (
        "demo",
        (
            *(*DECODER, "model.kernel=flex", "model.encoder.self_attention.mask=block(3)"),
            *("model.attention.d_k=16", "model.attention.d_v=16"),
        ),
    ),
    "local": ("demo", (*DECODER, "model.encoder.self_attention.mask=window(2)")),
    "local, with a soft cap": (
        "demo",
        (
            *DECODER,
            "model.encoder.self_attention.mask=window(2)",
            "model.attention.soft_cap=5",
        ),
    ),
    "groups of heads": ("demo", (*DECODER, "model.attention.kv_heads=1")),
    "a mean of the text": ("classifier", (*SMALL, "model.classifier.pooling=mean")),
    "a mean, with a soft cap": (
        "classifier",
        (*SMALL, "model.classifier.pooling=mean", "model.attention.soft_cap=5"),
    ),
    "the first of the text": ("classifier", (*SMALL, "model.classifier.pooling=first")),
    "a masked language model": ("masked-language-model", (*SMALL, "model.attention.soft_cap=5")),
}


@pytest.mark.quick
@pytest.mark.parametrize("name", PLANTED)
def test_padding_alone(name: str, tmp_path: Path) -> None:
    spec, sets = PLANTED[name]
    padding_is_read_by_none(compile_spec(spec, sets), 70, tmp_path)


@settings(max_examples=EXAMPLES)
@given(tree=specs())
def test_padding_alone_in_any_network(tree: Tree, tmp_path: Path) -> None:
    padding_is_read_by_none(compile_tree(tree, tmp_path), 9, tmp_path)


def padding_is_read_by_none(package: CompiledPackage, length: int, folder: Path) -> None:
    torch.manual_seed(1)
    module = import_package(package, folder)
    model, told = module.Model(), told_of_padding(package.model)
    texts = {
        each.name: torch.randint(1, 3, (BATCH, length))
        for each in package.model.function("features").inputs
    }
    texts[next(iter(texts))][EMPTY] = 0
    if "segments" in texts:
        texts["segments"] %= 2
    for training in (True, False):
        mixed = observed(model.train(training), told)
        logits = model(*texts.values())
        assert logits.isfinite().all()
        logits.square().mean().backward()
        assert all(each.grad is None or each.grad.isfinite().all() for each in model.parameters())
        assert len(mixed) >= bool(told)
        assert not any(each[EMPTY].any() for each in mixed)
    if "target" in texts:
        steps_read_none(model, texts, told)


def steps_read_none(model: Any, texts: dict[str, Tensor], told: set[str]) -> None:
    """In each step, too, no cross-attention reads a source of padding alone."""
    with torch.no_grad():
        state = model.start(next(iter(texts.values())))
        mixed = observed(model, {each for each in told if "CrossAttention" in each})
        parent = torch.zeros(BATCH, 1, dtype=torch.long)
        for token in texts["target"].split(1, dim=1):
            assert model.step(token, parent, state).isfinite().all()
    assert not any(each[EMPTY].any() for each in mixed)


def told_of_padding(model: Block) -> set[str]:
    """The classes of attention that may read later positions, and so padding at the end."""
    found = attentions(model)
    return {
        name
        for name, (_, ops) in found.items()
        if "CrossAttention" in name or any(op.mask & CAUSAL != op.mask for op in ops)
    }


def observed(model: nn.Module, classes: set[str]) -> list[Tensor]:
    """What the heads of these attentions give: filled as the network runs."""
    found: list[Tensor] = []
    for module in model.modules():
        if type(module).__name__ in classes:
            module.get_submodule("output").register_forward_pre_hook(
                lambda _, given: found.append(given[0].detach())
            )
    return found
