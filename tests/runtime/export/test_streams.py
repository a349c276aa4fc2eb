"""Streams, positions and biases in other coordinates: networks of all kinds compute the same."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.spec.spec import Spec
from compiler.weights.rows import TABLES
from runtime.export.coordinates.biases import (
    with_factor_in_tables,
    with_missing_biases,
    with_norms_by,
)
from runtime.export.coordinates.positions import with_rows_before, with_tables
from runtime.export.coordinates.rotary import with_halves
from runtime.export.coordinates.stream import with_concatenated, with_other_size
from runtime.weights.files import Tensors
from tests.support.coordinates import ALONE, SMALL, Change, assert_same_network, network
from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs


def with_tables_of_128(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    return with_tables(spec, tensors, 128)


def with_scaled_tables_of_positions(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    """Sines cannot be scaled: they become a table first, as for GPT-2."""
    return with_other_size(*with_tables(spec, tensors, 128))


def with_two_rows_before_positions(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    return with_rows_before(spec, tensors, 2)


def with_two_rows_before(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    return with_rows_before(*with_tables(spec, tensors, 128), 2)


def with_other_norms(spec: Spec, tensors: Tensors) -> tuple[Spec, Tensors]:
    has_offset = any(stack.norm.offset for _, stack in spec.model.stacks())
    return with_norms_by(spec, tensors, offset=not has_offset)


POSITION = "model.embedding.position"
CASES: list[tuple[str, tuple[str, ...], Change]] = [
    ("demo", SMALL, with_concatenated),
    ("demo", (*SMALL, "model.norm.place=post", "model.attention.bias=true"), with_concatenated),
    ("demo", (*SMALL, "model.norm={kind: rms_norm, place: sandwich}"), with_concatenated),
    ("demo", (*SMALL, "model.decoder.d_model=16", "model.embedding.tied=none"), with_concatenated),
    ("demo", (*SMALL, "model.embedding={norm: true, width: 8}"), with_concatenated),
    ("demo", (*SMALL, "model.feed_forward={gated: true, experts: {count: 3}}"), with_concatenated),
    ("transformer-base", SMALL, with_concatenated),
    ("masked-language-model", (*ALONE[:4], f"{POSITION}={{kind: sinusoidal}}"), with_concatenated),
    ("language-model", ALONE, with_scaled_tables_of_positions),
    ("demo", SMALL, with_scaled_tables_of_positions),
    ("demo", (*SMALL, "model.embedding={norm: true}"), with_scaled_tables_of_positions),
    (
        "demo",
        (*SMALL, "model.norm={kind: rms_norm, place: sandwich, offset: true}"),
        with_scaled_tables_of_positions,
    ),
    ("demo", (*SMALL, "model.embedding.scale=none"), with_scaled_tables_of_positions),
    ("demo", (*SMALL, "model.decoder.distinct=1"), with_scaled_tables_of_positions),
    (
        "demo",
        (*SMALL, "model.feed_forward={experts: {count: 3}}", "model.attention.bias=true"),
        with_scaled_tables_of_positions,
    ),
    ("llama-like", ALONE, with_other_size),
    ("llama-like", (*ALONE, "model.embedding.scale=sqrt_d_model"), with_factor_in_tables),
    ("llama-like", ALONE, with_factor_in_tables),
    ("demo", (*SMALL, "model.embedding.tied=none"), with_factor_in_tables),
    ("demo", SMALL, with_tables_of_128),
    ("demo", (*SMALL, f"{POSITION}={{kind: none}}"), with_tables_of_128),
    (
        "demo",
        (*SMALL, f"{POSITION}={{kind: sinusoidal, layout: tensor2tensor, offset: 2}}"),
        with_tables_of_128,
    ),
    (
        "demo",
        (*SMALL, f"{POSITION}={{kind: sinusoidal, layout: concatenated}}"),
        with_tables_of_128,
    ),
    ("demo", SMALL, with_two_rows_before),
    ("demo", SMALL, with_missing_biases),
    ("demo", (*SMALL, "model.norm.bias=false"), with_missing_biases),
    ("llama-like", ALONE, with_missing_biases),
    (
        "llama-like",
        (*ALONE, "model.initialization={kind: mup, base_width: 8}"),
        with_missing_biases,
    ),
    ("llama-like", (*ALONE, "model.embedding.norm=true"), with_other_norms),
    ("llama-like", (*ALONE, "model.norm.offset=true"), with_other_norms),
    (
        "llama-like",
        (*ALONE, "model.decoder.layers=[{}, {block: [delta_net], delta_net: {heads: 2}}]"),
        with_other_norms,
    ),
    ("llama-like", (*ALONE, f"{POSITION}.layout=interleaved"), with_halves),
    (
        "llama-like",
        (
            *(*ALONE, f"{POSITION}={{layout: interleaved, fraction: 0.5}}"),
            "model.attention={d_k: 8, kv_heads: 2, bias: true, query_key_norm: {over: head}}",
        ),
        with_halves,
    ),
    (
        "llama-like",
        (
            *(*ALONE, f"{POSITION}.layout=interleaved"),
            "model.attention.query_key_norm={over: all_heads, kind: layer_norm}",
        ),
        with_halves,
    ),
]


@pytest.mark.quick
@pytest.mark.parametrize("case", range(len(CASES)))
def test_a_network_in_other_coordinates_computes_the_same(case: int, tmp_path: Path) -> None:
    name, changes, change = CASES[case]
    assert_same_network(name, changes, change, tmp_path)


CHANGES: tuple[Change, ...] = (
    *(with_concatenated, with_other_size, with_factor_in_tables, with_missing_biases),
    *(with_other_norms, with_halves, with_two_rows_before_positions),
)


@settings(max_examples=60)
@given(tree=specs(), seed=st.integers(0, 2**20))
def test_random_networks_compute_the_same(tree: Tree, seed: int, tmp_path: Path) -> None:
    """Each change that does not refuse a network leaves what it computes as it is."""
    package = compile_tree(tree, tmp_path)
    torch.manual_seed(seed)
    model = import_package(package, tmp_path).Model().eval()
    tensors = {key: 0.2 * torch.randn_like(each) for key, each in model.state_dict().items()}
    model.load_state_dict(tensors)
    expected = outputs(model, package.spec)
    for change in CHANGES:
        try:
            spec, changed = change(package.spec, tensors)
        except ValueError:
            continue
        if spec == package.spec:
            assert all(torch.equal(changed[key], each) for key, each in tensors.items())
            continue
        other = network(spec, tmp_path)
        other.load_state_dict(changed)
        torch.testing.assert_close(outputs(other, spec), expected, atol=1e-4, rtol=1e-4)


def outputs(model: Any, spec: Spec) -> torch.Tensor:
    """Return what a model makes of some texts, of which the second one is shorter."""
    draw = torch.Generator().manual_seed(5)
    names = inspect.signature(model.features).parameters
    rows = min(each.size(0) for key, each in model.state_dict().items() if key in TABLES)
    texts = [torch.randint(4, rows, (2, 9), generator=draw) for _ in names]
    texts[0][1, 6:] = 0
    if "segments" in names:
        texts[-1] = (torch.arange(9) > 4).long().expand(2, 9)
    with torch.no_grad():
        features = model.features(*texts)
        found: torch.Tensor = model.project(features) if spec.model.pooling is None else features
    return found
