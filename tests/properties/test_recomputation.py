"""Recomputed activations give the losses and gradients of kept ones, in less memory."""

import importlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from compiler.pipeline import compile_spec
from runtime.data.sentences import Indices
from runtime.data.symbols import PADDING
from runtime.errors import UserError
from runtime.package import load_package, packed_features_of, packed_module
from runtime.training.recomputation import layers_of, recompute_layers
from tests.support.knobs import Tree
from tests.support.objectives import (
    Drawn,
    assert_same_gradients,
    batch_for,
    drawn,
    kept_bytes,
    loss_and_gradients,
    without_dropout,
)
from tests.support.packages import import_package
from tests.support.packing import pack
from tests.support.strategies import specs


def recomputed(network: Drawn) -> Drawn:
    """Return a copy of a network whose layers are recomputed."""
    model = deepcopy(network.model)
    recompute_layers(model)
    return replace(network, model=model)


@pytest.mark.usefixtures("exact")
@settings(max_examples=30)
@given(tree=specs())
def test_recomputed_is_kept(tree: Tree, tmp_path: Path) -> None:
    network = drawn(without_dropout(tree), tmp_path)
    again = recomputed(network)
    assert_same_gradients(loss_and_gradients(again), loss_and_gradients(network))
    assert again.model.state_dict().keys() == network.model.state_dict().keys()


@pytest.mark.usefixtures("exact")
@settings(max_examples=15)
@given(tree=specs())
def test_dropout_draws_the_same_again(tree: Tree, tmp_path: Path) -> None:
    network = drawn(tree, tmp_path)
    again = recomputed(network)
    torch.manual_seed(1)
    expected = loss_and_gradients(network)
    torch.manual_seed(1)
    assert_same_gradients(loss_and_gradients(again), expected)


def build(folder: Path, *assignments: str) -> Drawn:
    """Return the network of the demo, changed, and a batch for it."""
    compile_spec("demo", assignments).write(folder / "package")
    package = load_package(folder / "package")
    torch.manual_seed(7)
    model = package.model_class()
    return Drawn(package=package, model=model, batch=batch_for(package, model))


@pytest.mark.quick
def test_recomputed_layers_keep_their_inputs_alone(tmp_path: Path) -> None:
    """A network of 4 + 4 layers keeps a sixth; the share falls with the layers' parts."""
    network = build(tmp_path, "model.encoder.layers=4", "model.decoder.layers=4")
    tokens = [*map(torch.from_numpy, network.batch.inputs)]
    before, after = (kept_bytes(each.model, tokens) for each in (network, recomputed(network)))
    inputs = sum(each.size for each in network.batch.inputs) * 4 * 128 * 4
    assert inputs < after < 2 * inputs
    assert after < before / 6


EXPERTS = "model.feed_forward={d_ff: 16, experts: {count: 4, balance_loss: 0.5}}"


@pytest.mark.quick
@pytest.mark.parametrize("settings", [(), (EXPERTS,)], ids=["plain", "experts"])
def test_recomputed_is_kept_in_bfloat16(settings: tuple[str, ...], tmp_path: Path) -> None:
    """Autocast is as it was in the forward pass, to the bit, dropout included."""
    network = build(tmp_path, "training.precision=bfloat16", *settings)
    again = recomputed(network)
    assert again.objective().is_bfloat16
    torch.manual_seed(2)
    expected = loss_and_gradients(network)
    torch.manual_seed(2)
    assert_same_gradients(loss_and_gradients(again), expected, tolerance=0.0)


@pytest.mark.quick
def test_layers_of_all_kinds_are_found(tmp_path: Path) -> None:
    """A list may hold layers of several kinds, or layers that take turns; experts are no layers."""
    kinds = "[{repeat: 2}, {repeat: 4, distinct: 2, self_attention: {mask: causal & window(2)}}]"
    network = build(tmp_path, EXPERTS.replace("0.5", "0"), f"model.decoder.layers={kinds}")
    names = [type(each).__name__ for each in layers_of(network.model)]
    assert len(names) == 2 + 4
    assert all("Layer" in name for name in names)


@pytest.mark.quick
def test_a_model_without_a_list_of_layers_is_refused() -> None:
    """An edit by hand may leave such a layer."""
    with pytest.raises(UserError, match="by which its layers are found"):
        recompute_layers(nn.Sequential(nn.Linear(2, 2)))


@pytest.mark.quick
def test_layers_of_packed_sentences_are_recomputed_too(tmp_path: Path) -> None:
    """Programs of `packed.py` stand for `forward`; the layers are of two kinds."""
    module = import_package(compile_spec("local-global"), tmp_path)
    packed = importlib.import_module(f"{module.__name__}.packed")
    torch.manual_seed(1)
    kept = module.Model()
    again = deepcopy(kept)
    recompute_layers(again)
    streams = [pack(packed, [torch.randint(1, 100, (n,)) for n in (9, 30)]) for _ in "st"]
    saved: dict[nn.Module, int] = {}
    for model in (kept, again):
        torch.manual_seed(2)
        sizes = list[int]()
        with torch.autograd.graph.saved_tensors_hooks(noting(sizes), lambda x: x):
            packed.features(model, *streams).square().sum().backward()
        saved[model] = sum(sizes)
    for (name, one), other in zip(kept.named_parameters(), again.parameters(), strict=True):
        assert one.grad is not None, name
        torch.testing.assert_close(other.grad, one.grad, rtol=0.0, atol=0.0, msg=name)
    assert saved[again] < saved[kept] / 3


def noting(sizes: list[int]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that keeps a tensor for the backward pass and notes its size."""

    def keep(x: torch.Tensor) -> torch.Tensor:
        sizes.append(x.numel())
        return x

    return keep


@pytest.mark.usefixtures("exact")
@settings(max_examples=15)
@given(tree=specs())
def test_recomputed_is_kept_in_packed_sentences(tree: Tree, tmp_path: Path) -> None:
    """The program of a layer is recomputed as its forward pass is; dropout draws the same."""
    network = drawn(tree, tmp_path)
    if "packed.py" not in network.package.files:
        return
    programs = packed_module(type(network.model))
    assert programs is not None
    inputs = [packed(programs, each) for each in network.batch.inputs]
    texts = [[each] for each in inputs] if network.package.spec.task == "embedding" else [inputs]
    found = []
    for each in (network, recomputed(network)):
        compute = packed_features_of(programs, each.model)
        torch.manual_seed(1)
        features = torch.cat([compute(*streams) for streams in texts])
        features.square().sum().backward()
        named = each.model.named_parameters()
        found.append((features, {name: p.grad for name, p in named if p.grad is not None}))
    assert_same_gradients(found[1], found[0])


def packed(programs: Any, tokens: Indices) -> Any:
    """Return the sentences of a padded batch one after the other."""
    lengths = (tokens != PADDING).sum(axis=1)
    offsets = torch.from_numpy(np.concatenate(([0], lengths.cumsum()))).int()
    kept = torch.from_numpy(tokens[tokens != PADDING])
    return programs.Packed(kept, offsets, int(lengths.max()))
