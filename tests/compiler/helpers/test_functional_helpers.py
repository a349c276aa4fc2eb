"""The helpers of functional.py: tensors of exact sizes in the place of buffers, dense experts."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support.helpers import called, rendered, renders

pytestmark = pytest.mark.quick

PARENTS = ([[0, 0, 0], [0, 0, 0]], [[2, 0, 1], [1, 1, 0]], [[0, 0], [1, 2]])
"""The hypotheses that those of each step continue; before the first there is one."""


def newest(beam: int) -> tuple[Tensor, Tensor]:
    return torch.randn(2, 3, beam, 4), torch.randn(2, 3, beam, 5)


@renders("GrowingCache", "GrowingRollingCache", "GrowingDilatedCache")
@pytest.mark.parametrize("kind", ["", "Rolling", "Dilated"])
def test_a_growing_cache_is_all_that_was_appended(kind: str) -> None:
    name = f"Growing{kind}Cache"
    helpers = rendered(name, called("GrowingAncestry", "position", "mask"))
    (keys, values), mask = newest(0), torch.ones(2, 1, 0, dtype=torch.bool)
    cache = getattr(helpers, name)(keys, values)
    ancestry = helpers.GrowingAncestry(torch.tensor(0), mask)
    for parent in map(torch.tensor, PARENTS):
        key, value = newest(parent.size(1))
        keys, values = torch.cat((keys, key), 2), torch.cat((values, value), 2)
        ancestry.extend(parent)
        got = cache.append(key, value, ancestry) if kind else cache.append(key, value)
        assert got[0].equal(keys)
        assert got[1].equal(values)
        assert got[0] is cache.key
        assert not kind or got[2].tolist() == list(range(keys.size(2)))
    assert cache.fill(key, value)[0] is cache.key is key
    assert cache.value is value


@renders("GrowingAncestry", "BeamAncestry")
@pytest.mark.parametrize("uses", [(), ("visible_slots", "newest")])
def test_a_growing_ancestry_is_the_usual_one_without_its_blank_end(uses: tuple[str, ...]) -> None:
    given = ("position", "mask", *(("positions",) if uses else ()))
    helpers = rendered("BeamAncestry", called("GrowingAncestry", *given), uses=uses)
    usual: Any = helpers.BeamAncestry(2, torch.device("cpu"))
    tensors = [torch.ones(2, 1, 0, dtype=torch.bool), *([torch.zeros(0).long()] if uses else [])]
    for number, parent in enumerate(map(torch.tensor, PARENTS)):
        growing = helpers.GrowingAncestry(torch.tensor(number), *tensors)
        usual.extend(parent)
        growing.extend(parent)
        count = growing.mask.size(2)
        assert growing.mask.equal(usual.mask[:, :, :count])
        assert not usual.mask[:, :, count:].any()
        tensors = [growing.mask, *([growing.positions] if uses else [])]
        if uses:
            assert growing.positions.equal(usual.positions[:count])
            assert growing.newest.item() == number
            seen = growing.visible_slots(lambda i, j: i - j < 2)
            assert seen.equal(usual.visible_slots(lambda i, j: i - j < 2)[..., :count])


@renders("dense_mixture")
def test_a_dense_mixture_is_the_one_that_calls_the_chosen_alone() -> None:
    experts = nn.ModuleList([nn.Linear(6, 6) for _ in range(4)])
    x, chosen = torch.randn(3, 5, 6), torch.rand(3, 5, 4).topk(2).indices
    weights = torch.rand(3, 5, 2)
    expected = rendered("mixture").mixture(experts, x, chosen, weights)
    got = rendered("dense_mixture").dense_mixture(experts, x, chosen, weights)
    torch.testing.assert_close(got, expected)


@renders("remembering")
def test_a_memory_goes_on_from_given_tensors() -> None:
    helpers = rendered("GRUState", "remembering")
    layer, known = nn.GRU(6, 4, batch_first=True), torch.randn(2, 3, 4)
    memory = helpers.remembering(helpers.GRUState(), hidden=known)
    x, parent = torch.randn(2, 2, 6), torch.tensor([[2, 0], [1, 1]])
    got = memory.advance(layer, x, parent)
    for row in range(2):
        for place, hypothesis in enumerate(parent[row].tolist()):
            before = known[row, hypothesis][None, None]
            expected, _ = layer(x[row, place][None, None], before)
            torch.testing.assert_close(got[row, place], expected[0, 0])


@renders("program_for")
def test_a_program_is_found_by_the_class_and_the_name_of_a_function() -> None:
    helpers = rendered("program_for")
    helpers._names["PROGRAMS"] = {(nn.Linear, "step"): len, (nn.ReLU, "step"): max}
    assert helpers.program_for(nn.ReLU(), "step") is max
