"""The helpers of positions, masks and heads against definitions number by number."""

import importlib
import math

import pytest
import torch
from torch import Tensor, nn

from compiler.spec.position import yarn_magnitude
from tests.support.helpers import called, rendered, renders, sites, states

pytestmark = pytest.mark.quick

TOKENS = torch.tensor([[5, 6, 7, 8], [5, 6, 0, 0]])


def angles(first: int, count: int, width: int, base: float) -> list[list[float]]:
    pairs = range(0, width, 2)
    return [[p / base ** (k / width) for k in pairs] for p in range(first, first + count)]


@renders("sinusoidal_positions", "sinusoidal_halves")
def test_sinusoids_of_the_paper() -> None:
    helpers = rendered("sinusoidal_positions", "sinusoidal_halves")
    like = torch.zeros(1, dtype=torch.float64)
    angle = torch.tensor(angles(3, 5, 8, 10000.0), dtype=torch.float64)
    pairs = helpers.sinusoidal_positions(3, 5, 8, like)
    torch.testing.assert_close(pairs[:, ::2], angle.sin(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(pairs[:, 1::2], angle.cos(), atol=1e-6, rtol=1e-5)
    halves = helpers.sinusoidal_halves(3, 5, 8, like)
    assert halves.equal(torch.cat((pairs[:, ::2], pairs[:, 1::2]), dim=1))


@renders("tensor2tensor_positions")
def test_sinusoids_of_tensor2tensor_end_at_the_longest_wave() -> None:
    got = rendered("tensor2tensor_positions").tensor2tensor_positions(3, 5, 8, torch.zeros(1))
    rates = [10000 ** (-k / 3) for k in range(4)]
    angle = torch.tensor([[p * rate for rate in rates] for p in range(3, 8)])
    torch.testing.assert_close(got, torch.cat((angle.sin(), angle.cos()), dim=1))


@renders("learned_positions")
def test_a_table_of_positions_ends() -> None:
    helpers, table = rendered("learned_positions"), nn.Embedding(6, 4)
    assert helpers.learned_positions(table, 2, 4).equal(table.weight[2:])
    with pytest.raises(ValueError, match=r"below 6, .* got position 6"):
        helpers.learned_positions(table, 3, 4)


@renders("position_ids")
def test_places_count_from_zero() -> None:
    assert rendered("position_ids").position_ids(TOKENS).tolist() == [0, 1, 2, 3]


@renders("rotary_angles", "scaled_angles")
def test_slow_angles_are_stretched_and_fast_ones_stay() -> None:
    helpers = rendered("rotary_angles", "scaled_angles")
    angle = helpers.rotary_angles(3, 5, 8, 100.0, torch.device("cpu"))
    torch.testing.assert_close(angle, torch.tensor(angles(3, 5, 8, 100.0)))
    got = helpers.scaled_angles(angle, 8, 100.0, 8.0, 100)
    for k in range(4):
        turns = 100 / (2 * math.pi * 100 ** (2 * k / 8))
        kept = min(max((turns - 1) / 3, 0), 1)
        torch.testing.assert_close(got[:, k], angle[:, k] * (kept + (1 - kept) / 8))


@renders("rotary_angles", "yarn_angles")
@pytest.mark.parametrize("truncate", [True, False])
@pytest.mark.parametrize(("fast", "slow", "length"), [(8, 2, 400), (32, 1, 64), (32, 1, 6)])
def test_yarn_divides_angles_by_where_their_pair_stands(
    truncate: bool, fast: float, slow: float, length: int
) -> None:
    transformers = pytest.importorskip("transformers")
    rope = {
        **{"rope_type": "yarn", "rope_theta": 100.0, "factor": 8.0, "truncate": truncate},
        **{"beta_fast": fast, "beta_slow": slow, "original_max_position_embeddings": length},
    }
    config = transformers.LlamaConfig(
        hidden_size=16, num_attention_heads=1, max_position_embeddings=8192, rope_parameters=rope
    )
    initial = importlib.import_module("transformers.modeling_rope_utils").ROPE_INIT_FUNCTIONS
    frequency, magnitude = initial["yarn"](config, torch.device("cpu"))
    assert math.isclose(magnitude, yarn_magnitude(8.0))
    helpers = rendered("rotary_angles", "yarn_angles")
    angle = helpers.rotary_angles(3, 5, 16, 100.0, torch.device("cpu"))
    got = helpers.yarn_angles(angle, 16, 100.0, 8.0, length, fast, slow, truncate)
    torch.testing.assert_close(got, torch.arange(3.0, 8.0)[:, None] * frequency)


@renders("cosine_sine", "cosine_sine_interleaved", "rotate", "rotate_interleaved")
@renders("rotate_half", "rotate_neighbours")
@pytest.mark.parametrize("layout", ["", "_interleaved"])
def test_pairs_are_rotated_as_complex_numbers(layout: str) -> None:
    torch.manual_seed(1)
    x, name = torch.randn(2, 3, 5, 8), f"rotate{layout}"
    cosine_sine = getattr(rendered(f"cosine_sine{layout}"), f"cosine_sine{layout}")
    for calls in map(sites, states("width")):
        rotate = getattr(
            rendered(*(called(name, "x", "angle", **dict.fromkeys(e, "w")) for e in calls)), name
        )
        for each in calls:
            width = 4 if each else 8
            angle = torch.tensor(angles(3, 5, width, 100.0))
            got = rotate(x, cosine_sine(angle), **({"width": width} if each else {}))
            torch.testing.assert_close(got[..., :width], rotated(x[..., :width], angle, layout))
            assert got[..., width:].equal(x[..., width:])


def rotated(x: Tensor, angle: Tensor, layout: str) -> Tensor:
    pairs = x.unflatten(-1, (-1, 2)) if layout else torch.stack(x.chunk(2, -1), -1)
    result = torch.view_as_complex(pairs.contiguous()) * torch.polar(torch.ones(()), angle)
    parts = torch.view_as_real(result)
    return parts.flatten(-2) if layout else torch.cat(parts.unbind(-1), -1)


@renders("alibi_slopes", "alibi_bias")
def test_slopes_of_alibi_are_those_of_the_paper() -> None:
    helpers, cpu = rendered("alibi_bias"), torch.device("cpu")
    assert helpers.alibi_slopes(8, cpu).tolist() == [2**-k for k in range(1, 9)]
    twelve = [2**-k for k in range(1, 9)] + [2 ** -(k + 0.5) for k in range(4)]
    torch.testing.assert_close(helpers.alibi_slopes(12, cpu), torch.tensor(twelve))
    i, j = torch.arange(2, 4), torch.arange(5)
    bias = helpers.alibi_bias(8, i, j, torch.zeros(1, dtype=torch.float64))
    assert bias.dtype == torch.float64
    assert bias[1].tolist() == [[-abs(a - b) / 4 for b in range(5)] for a in (2, 3)]


def bucket(distance: int, buckets: int, longest: int) -> int:
    exact = buckets // 2
    if distance < exact:
        return distance
    share = math.log(distance / exact) / math.log(longest / exact)
    return min(exact + int(share * (buckets - exact)), buckets - 1)


@renders("distance_bucket", "relative_bias", "backward_bias")
def test_distances_have_the_buckets_of_t5() -> None:
    helpers = rendered("relative_bias", "backward_bias")
    table, i, j = nn.Embedding(8, 3), torch.arange(40), torch.arange(50)
    both, backward = helpers.relative_bias(table, 20, i, j), helpers.backward_bias(table, 20, i, j)
    for query in (0, 7, 39):
        for key in range(50):
            later = 4 * (key > query) + bucket(abs(key - query), 4, 20)
            assert both[:, query, key].equal(table.weight[later])
            earlier = bucket(max(query - key, 0), 8, 20)
            assert backward[:, query, key].equal(table.weight[earlier])


@renders("masked_bias")
def test_a_masked_bias_forbids_what_the_mask_does() -> None:
    bias, mask = torch.randn(3, 4, 4), torch.ones(2, 1, 4, 4, dtype=torch.bool).tril()
    got = rendered("masked_bias").masked_bias(bias, mask)
    assert got.isfinite().equal(mask.expand(2, 3, 4, 4))
    assert got.masked_fill(~mask, 0.0).equal(bias * mask)


@renders("real_tokens", "position_mask", "end_mask")
def test_masks_are_what_predicates_say() -> None:
    helpers = rendered("real_tokens", "position_mask", "end_mask")
    assert helpers.real_tokens(TOKENS).equal((TOKENS != 0).view(2, 1, 1, 4))
    got = helpers.position_mask(lambda i, j: j <= i, 1, 2, TOKENS)
    assert got.tolist() == [[True, True, False, False], [True, True, True, False]]
    constant = helpers.position_mask(lambda i, j: j < 2, 1, 3, TOKENS)  # noqa: ARG005
    assert constant.shape == (3, 4)
    ends = helpers.end_mask(lambda i, j, length: (j == length - 1) & (i < 9), 0, 2, TOKENS)
    assert ends.shape == (2, 1, 2, 4)
    assert ends[:, 0, 0].tolist() == [[False, False, False, True], [False, True, False, False]]


@renders("masked_mean")
def test_the_mean_leaves_padding_out() -> None:
    x, real = torch.randn(2, 4, 6), (TOKENS != 0).view(2, 1, 1, 4)
    got = rendered("masked_mean").masked_mean(x, real)
    torch.testing.assert_close(got, torch.stack((x[0].mean(0), x[1, :2].mean(0))))


@renders("last_position")
def test_the_last_position_leaves_padding_out() -> None:
    x, real = torch.randn(2, 4, 6), (TOKENS != 0).view(2, 1, 1, 4)
    got = rendered("last_position").last_position(x, real)
    assert got.equal(torch.stack((x[0, 3], x[1, 1])))


@renders("split_heads", "split_groups", "merge_heads")
def test_heads_are_split_and_merged() -> None:
    helpers = rendered("split_heads", "split_groups", "merge_heads")
    x = torch.randn(2, 5, 24)
    one, other = helpers.split_heads(x, 4, 2, 4)
    assert [tuple(one.shape), tuple(other.shape)] == [(2, 4, 5, 2), (2, 4, 5, 4)]
    assert one[:, 1].equal(x[:, :, 2:4])
    assert other[:, 3].equal(x[:, :, 20:])
    assert helpers.merge_heads(other).equal(x[:, :, 8:])
    query, key = helpers.split_groups(x, (4, 4), (2, 4))
    assert [query.size(1), key.size(1)] == [4, 2]
    assert torch.cat((helpers.merge_heads(query), helpers.merge_heads(key)), -1).equal(x)


TEMPERATURES = ("position_temperature", "logarithm_temperature", "length_temperature")


@renders(*TEMPERATURES)
def test_temperatures_are_those_of_the_papers() -> None:
    helpers, cpu = rendered(*TEMPERATURES), torch.device("cpu")
    got = helpers.position_temperature(1, 9, 4, 0.1, cpu)
    expected = [1 + 0.1 * math.log(1 + (i // 4)) for i in range(1, 10)]
    torch.testing.assert_close(got, torch.tensor(expected)[:, None])
    got = helpers.logarithm_temperature(2, 5, 64, cpu)
    expected = [math.log(i + 1, 64) for i in range(2, 7)]
    torch.testing.assert_close(got, torch.tensor(expected)[:, None])
    texts = torch.tensor([[5, 6, 7, 0], [5, 0, 0, 0]])
    got = helpers.length_temperature(texts, 9)
    torch.testing.assert_close(got.flatten(), torch.tensor([0.5, 0.0]))
    assert got.shape == (2, 1, 1, 1)
