"""The helpers of decoding: step by step they give what the whole gives, for each hypothesis."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from compiler.emit.template import helper_names
from tests.support import helpers as support
from tests.support.helpers import rendered, renders

pytestmark = pytest.mark.quick

LENGTH = 40
ROOT = Path(__file__).parents[3]


def pairs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    query, key = torch.randn(2, 3, LENGTH, 4), torch.randn(2, 3, LENGTH, 4)
    return query, key, torch.randn(2, 3, LENGTH, 5)


def new_ancestry(helpers: Any) -> Any:
    return helpers.BeamAncestry(2, torch.device("cpu"))


@renders("KeyValueCache", "BeamAncestry", "State")
def test_a_cache_holds_all_that_was_appended() -> None:
    helpers, (_, key, value) = rendered("KeyValueCache", "BeamAncestry"), pairs()
    cache = helpers.KeyValueCache()
    for step in range(LENGTH):
        got = cache.append(key[:, :, step : step + 1], value[:, :, step : step + 1])
        assert got[0][:, :, : step + 1].equal(key[:, :, : step + 1])
        assert got[1][:, :, : step + 1].equal(value[:, :, : step + 1])
        assert got[0].size(2) == got[1].size(2) == -(-(step + 1) // 16) * 16
        assert not got[0][:, :, step + 1 :].any()
        assert not got[1][:, :, step + 1 :].any()
    cache.keep(torch.tensor([1]))
    assert cache.key[:, :, :LENGTH].equal(key[1:])


@renders("KeyValueCache", "BeamAncestry", "State")
@pytest.mark.parametrize("start", [0, 7])
def test_fixed_buffers_keep_their_places_and_hold_the_same(start: int) -> None:
    helpers, (_, key, value) = rendered("KeyValueCache", "BeamAncestry"), pairs()
    growing, fixed = helpers.KeyValueCache(), helpers.KeyValueCache()
    ancestries = [new_ancestry(helpers) for _ in range(2)]
    newest = torch.tensor([start])
    for step in range(start, LENGTH):
        if step == start + 1:
            fixed.fix(LENGTH, newest)
            ancestries[1].fix(LENGTH, newest)
        if step == start and start:
            for cache, ancestry in zip((growing, fixed), ancestries, strict=True):
                cache.fill(key[:, :, :start], value[:, :, :start])
                ancestry.fill(start)
        at = slice(step, step + 1)
        for ancestry in ancestries:
            ancestry.extend(torch.zeros(2, 1, dtype=torch.long))
        expected = growing.append(key[:, :, at], value[:, :, at])
        got = fixed.append(key[:, :, at], value[:, :, at])
        for one, other in zip(expected, got, strict=True):
            assert other[:, :, : one.size(2)].equal(one)
        wider = F.pad(ancestries[0].mask, (0, got[0].size(2) - expected[0].size(2)))
        if step > start:
            assert got[0] is fixed.key
            assert ancestries[1].mask.equal(wider)
            assert ancestries[1].position.item() == ancestries[0].position == step


CACHES = {
    "window": lambda i, j: (j <= i) & (i - j <= 5),
    "first": lambda i, j: (j <= i) & ((i - j <= 5) | (j < 2)),
}


@renders("RollingCache")
@pytest.mark.parametrize("start", [0, 23])
@pytest.mark.parametrize("mask", CACHES)
def test_a_rolling_cache_forgets_what_nobody_reads(mask: str, start: int) -> None:
    helpers, (query, key, value) = (
        rendered("RollingCache", "BeamAncestry", uses=["visible_slots"]),
        pairs(),
    )
    reads = CACHES[mask]
    i = torch.arange(LENGTH)
    whole = F.scaled_dot_product_attention(query, key, value, reads(i.unsqueeze(1), i))
    cache, ancestry = helpers.RollingCache(lambda i, j: bool(reads(i, j))), new_ancestry(helpers)
    if start:
        cache.fill(key[:, :, :start], value[:, :, :start])
        ancestry.fill(start)
    for step in range(start, LENGTH):
        ancestry.extend(torch.zeros(2, 1, dtype=torch.long))
        at = slice(step, step + 1)
        keys, values, slots = cache.append(key[:, :, at], value[:, :, at], ancestry)
        allowed = ancestry.visible_slots(reads, slots)
        got = F.scaled_dot_product_attention(query[:, :, at], keys, values, allowed)
        torch.testing.assert_close(got, whole[:, :, at])
    assert cache.key.size(2) < LENGTH


@renders("DilatedCache")
@pytest.mark.parametrize("start", [0, 2, 23])
def test_a_dilated_cache_reads_each_step_th_position(start: int) -> None:
    helpers, (query, key, value) = (
        rendered("DilatedCache", "BeamAncestry", uses=["visible_slots"]),
        pairs(),
    )
    i = torch.arange(LENGTH)
    reads = lambda i, j: (j <= i) & ((i - j) % 3 == 0)  # noqa: E731
    whole = F.scaled_dot_product_attention(query, key, value, reads(i.unsqueeze(1), i))
    cache, ancestry = helpers.DilatedCache(3), new_ancestry(helpers)
    if start:
        cache.fill(key[:, :, :start], value[:, :, :start])
        ancestry.fill(start)
    for step in range(start, LENGTH):
        ancestry.extend(torch.zeros(2, 1, dtype=torch.long))
        at = slice(step, step + 1)
        keys, values, slots = cache.append(key[:, :, at], value[:, :, at], ancestry)
        assert keys.size(2) <= step // 3 + 1
        got = F.scaled_dot_product_attention(
            query[:, :, at], keys, values, ancestry.visible_slots(reads, slots)
        )
        torch.testing.assert_close(got, whole[:, :, at])
    cache.keep(torch.tensor([1]))
    assert all(part.key.size(0) == 1 for part in cache.parts)


@renders("BeamAncestry")
@pytest.mark.parametrize("uses", [(), ("newest",), ("visible_slots",), ("newest", "visible_slots")])
def test_an_ancestry_knows_the_ancestors_of_each_hypothesis(uses: tuple[str, ...]) -> None:
    ancestry = new_ancestry(rendered("BeamAncestry", uses=uses))
    ancestry.extend(torch.zeros(2, 1, dtype=torch.long))
    ancestry.extend(torch.zeros(2, 2, dtype=torch.long))
    ancestry.extend(torch.tensor([[1, 1], [0, 1]]))
    expected = [
        [[1, 0, 1, 1, 0], [1, 0, 1, 0, 1]],
        [[1, 1, 0, 1, 0], [1, 0, 1, 0, 1]],
    ]
    assert ancestry.mask[:, :, :5].int().tolist() == expected
    assert ancestry.mask.size(2) == 16
    assert not ancestry.mask[:, :, 5:].any()
    assert ancestry.position == 2
    if "newest" in uses:
        assert ancestry.newest.tolist() == [2]
    if "visible_slots" in uses:
        allowed = ancestry.visible_slots(lambda i, j: i - j <= 1)
        assert allowed[0, 0, :, :5].int().tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 0, 1]]
        assert not allowed[0, 0, :, 5:].any()
    assert all(
        hasattr(type(ancestry), name) is (name in uses) for name in ("newest", "visible_slots")
    )
    ancestry.keep(torch.tensor([1]))
    assert ancestry.mask[:, :, :5].int().tolist() == expected[1:]


@renders("gather_beams")
def test_what_is_known_of_parents_is_gathered() -> None:
    known, parent = torch.randn(2, 3, 4), torch.tensor([[2, 2], [0, 1]])
    got = rendered("gather_beams").gather_beams(known, parent)
    assert got.equal(torch.stack((known[0, [2, 2]], known[1, [0, 1]])))


STATES = {
    "LSTMState": lambda: nn.LSTM(6, 5, batch_first=True),
    "GRUState": lambda: nn.GRU(6, 5, batch_first=True),
    "LastInputs": lambda: nn.Conv1d(6, 5, 3),
}


def whole(layer: nn.Module, x: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv1d):
        return layer(F.pad(x.mT, (2, 0))).mT
    return layer(x)[0]


@renders(*STATES)
@pytest.mark.parametrize("start", [0, 1, 4])
@pytest.mark.parametrize("name", STATES)
def test_states_go_on_from_the_parent_of_each_hypothesis(name: str, start: int) -> None:
    torch.manual_seed(1)
    layer = STATES[name]()
    state, x = getattr(rendered(name), name)(), torch.randn(2, 7, 6)
    texts = [[x[row] for _ in range(2)] for row in range(2)]
    if start:
        torch.testing.assert_close(state.fill(layer, x[:, :start]), whole(layer, x[:, :start]))
    for step in range(start, 7):
        beam = 1 if step == start else 2
        parent = torch.tensor([[0, 0], [0, 0]] if step == start + 1 else [[1, 0], [0, 0]])
        parent = torch.zeros(2, 1, dtype=torch.long) if beam == 1 else parent
        newest = torch.randn(2, beam, 6)
        texts = [
            [
                torch.cat((texts[row][parent[row, k]][:step], newest[row, k : k + 1]))
                for k in range(beam)
            ]
            for row in range(2)
        ]
        got = state.advance(layer, newest, parent)
        expected = torch.stack(
            [torch.stack([whole(layer, t[None])[0, -1] for t in r]) for r in texts]
        )
        torch.testing.assert_close(got, expected)
    state.keep(torch.tensor([1]))
    got = state.advance(layer, torch.zeros(1, 1, 6), torch.zeros(1, 1, dtype=torch.long))
    text = torch.cat((texts[1][0], torch.zeros(1, 6)))
    torch.testing.assert_close(got[0, 0], whole(layer, text[None])[0, -1])


@renders("State")
def test_a_state_selects_rows_of_all_that_it_holds() -> None:
    state = rendered("State").State
    outer, inner, listed = state(), state(), state()
    for each in (outer, inner, listed):
        each.tensor, each.slots = torch.arange(3)[:, None], torch.arange(3)
    outer.part, outer.parts, outer.number = inner, [listed], 5
    outer.keep(torch.tensor([2, 0]))
    assert [each.tensor.tolist() for each in (outer, inner, listed)] == [[[2], [0]]] * 3
    assert [each.slots.tolist() for each in (outer, inner, listed)] == [[0, 1, 2]] * 3
    assert outer.number == 5


def test_no_helper_is_without_a_test() -> None:
    """The files with tests of helpers are loaded: each says which ones it renders."""
    here = Path(__file__).parent
    for path in [*here.glob("test_*.py"), here.parent / "test_mup.py"]:
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))

    assert helper_names() - support.ASKED == set()
    assert support.ASKED - helper_names() == set(), "helpers that are gone"
