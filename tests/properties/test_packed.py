"""Packed sentences, of random networks, have the losses and the gradients of padded ones."""

import importlib
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from compiler.analysis.refusals import why_not_packed
from compiler.pipeline import CompiledPackage, compile_spec
from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package
from tests.support.packing import lengths_of, pack, packable, pad, real_places
from tests.support.strategies import specs

pytestmark = pytest.mark.usefixtures("exact")

STATES = ("recurrence", "linear_attention", "state_space", "delta_net")
"""Mixers that carry a state along."""
CLOSE = 1e-5
"""The largest difference, as a share of the largest number."""
LEAST_ROWS = 11
"""The size of the smallest vocabulary of a random spec."""
Found = tuple[Tensor, dict[str, Tensor]]
"""A loss, and the gradients of all parameters that have one."""


@settings(max_examples=40)
@given(tree=specs().map(packable))
def test_packed_is_padded(tree: Tree, tmp_path: Path) -> None:
    """What carries a state is all that is left in these specs which cannot be packed."""
    package = compile_tree(tree, tmp_path)
    if reason := why_not_packed(package.model):
        assert any(name in reason.place for name in STATES)
        assert "packed.py" not in package.files
    else:
        has_same_gradients(package, tmp_path)


@pytest.mark.parametrize(
    "name", ["convolution", "depthwise", "experts", "albert", "stochastic-depth", "classifier"]
)
def test_packed_is_padded_in_the_library(name: str, tmp_path: Path) -> None:
    has_same_gradients(compile_spec(name), tmp_path)


@settings(max_examples=40)
@given(tree=specs())
def test_what_is_not_packed_says_why(tree: Tree, tmp_path: Path) -> None:
    """The reason is a clause about a part of the network, or all of it, at a line of the spec."""
    package = compile_tree(tree, tmp_path)
    reason = why_not_packed(package.model)
    assert ("packed.py" in package.files) is (reason is None)
    if reason is not None:
        stack, *_ = reason.place.split(".")
        model = package.spec.model
        assert stack in model.model_dump() if stack else model.documents == "apart"
        assert reason.reason
        assert reason.span.line >= 1


def random_texts(stream: str, rows: int) -> list[Tensor]:
    """Return texts of unequal lengths; segments are of two kinds, from 0 on."""
    first, last = (0, 2) if stream == "segments" else (1, rows)
    return [torch.randint(first, last, (length,)) for length in lengths_of(stream)]


def has_same_gradients(package: CompiledPackage, folder: Path) -> None:
    """Compare the loss and the gradients of packed texts with those of padded ones."""
    torch.manual_seed(1)
    module = import_package(package, folder)
    streams = [each.name for each in package.model.function("features").inputs]
    texts = {each: random_texts(each, LEAST_ROWS) for each in streams}
    packed = importlib.import_module(f"{module.__name__}.packed")
    without_dropout(module, packed)
    model = module.Model()
    names = list(signature(model.features).parameters)
    packed_texts = {
        name: pack(packed, each) for name, each in zip(names, texts.values(), strict=True)
    }
    padded = {name: pad(each) for name, each in zip(names, texts.values(), strict=True)}
    lengths = lengths_of(list(texts)[-1])
    labels = torch.randint(1, 3, (sum(lengths),))

    features = model.features(*padded.values())
    is_of_text = features.dim() == 2
    features = features if is_of_text else real_places(features, lengths)
    expected = found(module, model, features, labels, padded)

    features = packed.features(model, *packed_texts.values())
    features = features[: len(lengths) if is_of_text else sum(lengths)]
    rows = {name: each.tokens[None] for name, each in packed_texts.items()}
    got = found(module, model, features, labels, rows)
    is_close(got, expected)


def without_dropout(module: ModuleType, packed: ModuleType) -> None:
    """Let the functions that drop numbers at random return what they are given."""
    names = ("dropout", "stochastic_depth", "packed_stochastic_depth")
    for each in (module.model, packed):
        for name in (name for name in names if hasattr(each, name)):
            setattr(each, name, lambda x, *_: x)


def found(
    module: ModuleType, model: Any, features: Tensor, labels: Tensor, tokens: dict[str, Tensor]
) -> Found:
    """Return the loss in training, that of the balance of experts included, and its gradients."""
    training = importlib.import_module(f"{module.__name__}.training")
    if hasattr(model, "project"):
        loss, _ = training.loss(model.project(features), labels[: len(features)])
    else:  # vectors, of which the first half are sources
        sources, targets = features.tensor_split(2)
        count, different = len(sources), torch.arange(2 * len(sources)).view(-1, 2)
        logits = training.scores(sources, targets[:count], different)
        loss, _ = training.loss(logits, torch.arange(count))
    if balance := getattr(model, "balance_loss", None):
        loss = loss + balance(*(tokens[each] for each in signature(balance).parameters))
    model.zero_grad()
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return loss.detach(), gradients


def is_close(got: Found, expected: Found) -> None:
    """Compare within `CLOSE` of the loss, and of the largest gradient."""
    torch.testing.assert_close(got[0], expected[0], rtol=CLOSE, atol=0.0)
    assert got[1].keys() == expected[1].keys()
    largest = max(each.abs().max().item() for each in expected[1].values())
    for name, gradient in got[1].items():
        torch.testing.assert_close(
            gradient, expected[1][name], rtol=CLOSE, atol=CLOSE * largest, msg=name
        )
