"""Compiled networks give the losses and gradients of eager ones."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import assume, given, settings

from compiler.pipeline import compile_spec
from runtime.package import load_package
from runtime.training.objective import Objective
from runtime.training.recomputation import recompute_layers
from tests.support.knobs import Tree
from tests.support.objectives import (
    Drawn,
    assert_same_gradients,
    batch_for,
    drawn,
    loss_and_gradients,
    without_dropout,
)
from tests.support.strategies import specs

pytestmark = [
    # Inductor itself uses what its authors call deprecated.
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    # Dynamo asks for the gradient of what a first program has given to a second one.
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),
]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget the programs of a test, which are bound to its modules."""
    yield
    torch._dynamo.reset()


def compiled(network: Drawn, backend: str, *, is_dynamic: bool = True) -> Objective:
    """Return the objective of a network whose features are compiled, by default for all shapes."""
    own = network.objective()
    features = torch.compile(own.features, dynamic=is_dynamic, backend=backend)
    return replace(own, features=features)


def with_few_layers(tree: Tree) -> Tree:
    """Return the spec with one layer of each kind, since compiling takes time for each layer."""
    tree = deepcopy(tree)
    stacks = [tree["model"][name] for name in ("encoder", "decoder") if name in tree["model"]]
    for stack in stacks:
        if isinstance(stack["layers"], int):
            stack["layers"] = 1
        else:
            stack["layers"][0]["repeat"] = 1
    return tree


def compiled_is_eager(tree: Tree, folder: Path) -> None:
    """Dynamo and the split into a forward and a backward program change nothing.

    Shapes are those of the batch: with unknown ones a network takes four times as long to compile.
    The networks that Inductor compiles below have unknown shapes.
    """
    torch._dynamo.reset()
    network = drawn(with_few_layers(without_dropout(tree)), folder)
    got = loss_and_gradients(network, compiled(network, "aot_eager", is_dynamic=False))
    assert_same_gradients(got, loss_and_gradients(network))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    "examples", [pytest.param(4, id="few"), pytest.param(40, id="many", marks=pytest.mark.slow)]
)
def test_compiled_is_eager(examples: int, tmp_path: Path) -> None:
    """Each takes a few seconds to compile.

    Networks with flex attention are left to Inductor: in its backward pass under `aot_eager`
    (torch 2.13) gradients have other strides than those that Dynamo has assumed.
    """

    @settings(max_examples=examples)
    @given(tree=specs())
    def check(tree: Tree) -> None:
        assume(tree["model"]["kernel"] != "flex")
        compiled_is_eager(tree, tmp_path)

    check()


SMALL = ("model.d_model=32", "model.attention.heads=2", "model.feed_forward.d_ff=32")
ONE_LAYER = ("model.encoder.layers=1", "model.decoder.layers=1")
MIXED = (
    "model.recurrence={kind: lstm}",
    "model.encoder.block=[recurrence, feed_forward]",
    "model.decoder.block=[recurrence, cross_attention, feed_forward]",
)
KINDS: dict[str, tuple[str, ...]] = {
    "plain": ("demo", *ONE_LAYER),
    "rotary": ("llama-like", "model.decoder.layers=1", "model.vocabulary.size=64"),
    "masks": ("demo", *ONE_LAYER, "model.decoder.self_attention={mask: causal & window(2)}"),
    "relative": ("demo", *ONE_LAYER, "model.embedding.position={kind: relative, buckets: 4}"),
    "experts": ("demo", *ONE_LAYER, "model.feed_forward={d_ff: 16, experts: {count: 3}}"),
    "recurrence": ("demo", *ONE_LAYER, *MIXED),
}
"""Six specs of different kinds: the name of one of the library, and settings."""


def build(kind: str, folder: Path) -> Drawn:
    """Return a small network of a kind and a batch for it."""
    name, *changes = KINDS[kind]
    compile_spec(name, [*SMALL, "model.dropout=0", *changes]).write(folder / "package")
    package = load_package(folder / "package")
    torch.manual_seed(7)
    model = package.model_class()
    return Drawn(package=package, model=model, batch=batch_for(package, model))


@pytest.mark.parametrize(
    "kind",
    [
        each if each in ("plain", "rotary") else pytest.param(each, marks=pytest.mark.slow)
        for each in KINDS
    ],
)
def test_inductor_is_eager(kind: str, tmp_path: Path) -> None:
    """Its kernels give the same in float32, layers recomputed or not."""
    network = build(kind, tmp_path)
    expected = loss_and_gradients(network)
    assert_same_gradients(loss_and_gradients(network, compiled(network, "inductor")), expected)
    again = replace(network, model=deepcopy(network.model))
    recompute_layers(again.model)
    assert_same_gradients(loss_and_gradients(again, compiled(again, "inductor")), expected)
