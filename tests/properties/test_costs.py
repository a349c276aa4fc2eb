"""Costs of random models against what real networks hold."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from compiler.diff.cost import cost_difference
from compiler.explain import explain
from compiler.pipeline import CompiledPackage
from tests.support.knobs import Tree
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
