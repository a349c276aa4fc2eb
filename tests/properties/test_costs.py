"""Costs of random models against what real networks hold."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from compiler.analysis import training_memory
from compiler.analysis.training_memory import activations_of
from compiler.diff.cost import cost_difference
from compiler.explain import explain
from compiler.pipeline import CompiledPackage, compile_spec
from runtime.package import load_package
from runtime.training import output_layer
from runtime.training.recomputation import recompute_layers
from tests.support.knobs import Tree
from tests.support.objectives import kept_bytes
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs

LENGTH = 9
FLOAT = 4


@settings(max_examples=40)
@given(tree=specs())
def test_caches_are_as_large_as_real_ones(tree: Tree, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    explanation = explain(package, LENGTH)
    assert sum(row.cache_bytes for row in explanation.rows) == explanation.cache_bytes
    assert explanation.cache_bytes == FLOAT * numbers_kept(package, tmp_path)


@settings(max_examples=40)
@given(one=specs(), other=specs())
def test_parts_add_up_on_both_sides(one: Tree, other: Tree, tmp_path: Path) -> None:
    packages = [compile_tree(each, tmp_path) for each in (one, other)]
    difference = cost_difference(packages[0], packages[1], LENGTH)
    for name in ("parameters", "flops_per_token", "activation_bytes", "cache_bytes"):
        total, parts = getattr(difference.total, name), [getattr(p, name) for p in difference.parts]
        for side in ("before", "after", "delta"):
            assert sum(getattr(each, side) for each in parts) == getattr(total, side)
    counts = [real_parameters(each, tmp_path) for each in packages]
    assert [difference.total.parameters.before, difference.total.parameters.after] == counts
    (between,) = [each for each in difference.parts if each.part == "between the parts"]
    assert between.parameters.before == between.parameters.after == 0
    assert between.cache_bytes.before == between.cache_bytes.after == 0
    assert min(between.flops_per_token.before, between.activation_bytes.before) >= 0


@pytest.mark.quick
@settings(max_examples=20)
@given(tree=specs())
def test_a_model_costs_what_it_costs(tree: Tree, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    assert cost_difference(package, package, LENGTH).is_equal


def real_parameters(package: CompiledPackage, folder: Path) -> int:
    model = import_package(package, folder).Model()
    return sum(each.numel() for each in model.parameters())


@torch.no_grad()
def numbers_kept(package: CompiledPackage, folder: Path) -> int:
    """Of one hypothesis after a sentence: the most that each cache has needed at any time."""
    model = import_package(package, folder).Model().eval()
    if not hasattr(model, "step"):
        return 0
    state = model.start(torch.ones(1, LENGTH, dtype=torch.long))
    most: defaultdict[str, int] = defaultdict(int)
    zero = torch.zeros(1, 1, dtype=torch.long)
    for _ in range(LENGTH):
        model.step(zero + 5, zero, state)
        for place, count in kept(state, ""):
            most[place] = max(most[place], count)
    return sum(most.values())


def kept(state: Any, place: str) -> Iterator[tuple[str, int]]:
    """Each thing that is kept, and how many numbers of it; masks are none."""
    match type(state).__name__:
        case "BeamAncestry" | "bool" | "int" | "NoneType" | "function":
            return
        case "Tensor":
            yield place, state.numel() if state.is_floating_point() else 0
        case "KeyValueCache":
            yield place, sum(one_slot(each) * state.slots for each in (state.key, state.value))
        case "RollingCache" if state.positions:
            newest = state.positions[-1]
            needed = sum(1 for each in state.positions if state.keeps(newest, each))
            yield place, sum(one_slot(each) * needed for each in (state.key, state.value))
        case "list" | "tuple":
            for number, each in enumerate(state):
                yield from kept(each, f"{place}.{number}")
        case "RollingCache":
            return
        case _:
            for name, each in vars(state).items():
                yield from kept(each, f"{place}.{name}")


def one_slot(cache: Tensor) -> int:
    """key or value [1, heads, slots, width]"""
    return cache.size(1) * cache.size(3)


LIBRARY: dict[str, tuple[float, float]] = {
    "demo": (0.98, 1.05),
    "transformer-base": (0.98, 1.05),
    "local-global": (0.98, 1.05),
    "head-masks": (0.95, 1.05),
    "experts": (0.95, 1.25),
    "llama-like": (0.85, 1.05),
}
"""What the estimate may be of the activations that are counted on a CPU, at least and at most.

RMSNorm, which torch composes of smaller operations on a CPU, keeps more there than is estimated.
"""


@pytest.mark.quick
@pytest.mark.parametrize("name", LIBRARY)
def test_estimated_activations_are_those_that_autograd_keeps(name: str, tmp_path: Path) -> None:
    """Two sentences of 32 tokens are computed, with all activations kept or layers recomputed."""
    package = compile_spec(name, ["training.precision=float32"])
    package.write(tmp_path / "package")
    loaded = load_package(tmp_path / "package")
    function = package.model.function("features")
    inputs = [torch.randint(4, 100, (2, 32)) for _ in function.inputs]
    lengths = {"batch": 2, "source": 32, "target": 32}
    estimate = activations_of(package.model, function, lengths)
    least, most = LIBRARY[name]
    torch.manual_seed(1)
    assert least < FLOAT * estimate.kept / kept_bytes(loaded.model_class(), inputs) < most
    model = loaded.model_class()
    recompute_layers(model)
    assert 0.8 < FLOAT * estimate.inputs / kept_bytes(model, inputs) < 1.1
    assert estimate.layer < estimate.kept / 2


def test_logits_take_no_more_than_the_runtime_lets_them() -> None:
    assert training_memory.LOGITS_BYTES == output_layer.LOGITS_BYTES
    memory = explain(compile_spec("transformer-base"), 32).memory["none"]
    assert memory.logits == training_memory.LOSS_COPIES * output_layer.LOGITS_BYTES


def test_memory_is_shared_among_gpus() -> None:
    """All but activations; what is gathered of the others is a few layers and the tables."""
    package = compile_spec("transformer-base", ["training.ema.decay=0.9"])
    one, eight = (explain(package, 32, gpus).memory for gpus in (1, 8))
    for kind in ("none", "layer"):
        for part in ("weights", "gradients", "optimizer", "average"):
            assert getattr(eight[kind], part) == -(-getattr(one[kind], part) // 32) * 4
        assert one[kind].gathered == one[kind].gathered_gradients == 0
        assert eight[kind].activations == pytest.approx(one[kind].activations / 8, rel=0.01)
    table = 37000 * 512
    decoder_layer = 8 * 512 * 512 + 2 * 512 * 2048 + 2048 + 512 + 3 * 2 * 512
    others = table + 2 * 0
    assert eight["none"].gathered == FLOAT * (2 * decoder_layer + others)
    assert eight["none"].gathered_gradients == FLOAT * (decoder_layer + others)
    assert one["layer"].activations < one["none"].activations / 5
    few = compile_spec("demo", ["model.encoder.layers=1", "model.decoder.layers=1"])
    (memory, _), whole = explain(few, 32, 8).memory.values(), explain(few, 32).parameters
    assert memory.gathered == FLOAT * whole, "no more weights than the network has"
    kept = explain(compile_spec("transformer-base", ["training.accumulate=8"]), 32, 8).memory
    assert kept["none"].activations == pytest.approx(eight["none"].activations, rel=0.01)
