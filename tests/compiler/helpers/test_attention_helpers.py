"""The helpers of attention against torch's own function, however a file calls them."""

from collections.abc import Callable, Iterator
from itertools import combinations
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.support.helpers import (
    ALWAYS,
    NEVER,
    called,
    rendered,
    renders,
    replaced,
    sites,
    states,
)

pytestmark = pytest.mark.quick

OPTIONS = ("mask", "bias", "rate", "scale", "soft_cap", "is_causal", "enable_gqa", "sinks")

SINKS = torch.tensor([0.5, -1.0, 0.0, 2.0])
"""Scores of four heads for reading nothing."""


def plain(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    bias: Tensor | None = None,
    scale: float | None = None,
    soft_cap: float | None = None,
    is_causal: bool = False,
    sinks: Tensor | None = None,
) -> Tensor:
    """The definition, with keys and values for each head; torch's function where it can do it."""
    groups = query.size(1) // key.size(1)
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    allowed = mask if bias is None else bias
    if soft_cap is None and sinks is None:
        return F.scaled_dot_product_attention(
            query, key, value, allowed, scale=scale, is_causal=is_causal
        ).nan_to_num(0.0)
    score = query @ key.mT * (query.size(-1) ** -0.5 if scale is None else scale)
    if soft_cap is not None:
        score = soft_cap * torch.tanh(score / soft_cap)
    if is_causal:
        mask = torch.ones(score.shape[-2:], dtype=torch.bool).tril()
    if bias is not None:
        score = score + bias
    if mask is not None:
        score = score.masked_fill(~mask, -torch.inf)
    if sinks is not None:
        share = score.exp()
        return share / (share.sum(-1, keepdim=True) + sinks.exp()[:, None, None]) @ value
    return score.softmax(-1).nan_to_num(0.0) @ value


def inputs(given: set[str]) -> tuple[list[Tensor], dict[str, Any]]:
    """Queries, keys, values and what a call gives besides; one query may read nothing."""
    heads = 2 if "enable_gqa" in given else 4
    tensors = [torch.randn(3, 4, 5, 8), torch.randn(3, heads, 5, 8), torch.randn(3, heads, 5, 6)]
    mask = torch.rand(3, 1, 5, 5) < 0.7
    mask[0, 0, 2] = False
    bias = torch.randn(4, 5, 5).where(mask, -torch.inf)
    values = {"scale": 0.3, "soft_cap": 2.0, "is_causal": True, "bias": bias}
    values["sinks"] = SINKS
    if "mask" in given:
        tensors.append(mask)
    return tensors, {name: each for name, each in values.items() if name in given}


def is_possible(given: dict[str, str]) -> bool:
    """Tells whether ops call `attention` so: with one mask at most, and something torch lacks."""
    calls = sites(given)
    masks = ({"mask", "bias", "is_causal"} & each for each in calls)
    lacking = {"rate", "soft_cap", "sinks"}
    return all(len(each) <= 1 for each in masks) and all(lacking & each for each in calls)


def sampled() -> Iterator[dict[str, str]]:
    """Every pair of parameters in all ways, the others at random."""
    possible, random = [each for each in states(*OPTIONS) if is_possible(each)], Random(1)
    for pair in combinations(OPTIONS, 2):
        ways = {(each[pair[0]], each[pair[1]]) for each in possible}
        for way in sorted(ways):
            yield random.choice([e for e in possible if (e[pair[0]], e[pair[1]]) == way])


def call_of(given: set[str]) -> Any:
    keywords = {name: name for name in OPTIONS[1:] if name in given}
    if "rate" in given:
        keywords["training"] = "training"
    mask = ("mask",) if "mask" in given else ()
    return called("attention", "query", "key", "value", *mask, **keywords)


@renders("attention", "softmax_with_sinks")
def test_attention_is_torchs_whatever_calls_give() -> None:
    torch.manual_seed(1)
    tried = list(sampled())
    assert len(tried) > 100
    for given in tried:
        calls = sites(given)
        helpers = rendered(*map(call_of, calls))
        replaced(helpers, dropout=lambda x, rate, training: x)  # noqa: ARG005
        for each in calls:
            tensors, settings = inputs(each)
            expected = plain(*tensors, **settings)
            own = settings | ({"enable_gqa": True} if "enable_gqa" in each else {})
            for training in (True, False) if "rate" in each else (False,):
                dropped = {"rate": 0.5, "training": training} if "rate" in each else {}
                dropped = dropped if training else dropped and {"rate": 0.5, "training": False}
                got = helpers.attention(*tensors, **own, **dropped)
                torch.testing.assert_close(got, expected, msg=lambda text, g=given: f"{g}\n{text}")


@renders("attention", "dropout")
def test_attention_drops_weights_in_training_alone() -> None:
    torch.manual_seed(1)
    helpers = rendered(called("attention", "q", "k", "v", rate="rate", training="training"))
    query, key, value = torch.randn(3, 2, 5, 4), torch.randn(3, 2, 5, 4), torch.ones(3, 2, 5, 6)
    trained = helpers.attention(query, key, value, rate=0.3, training=True)
    tested = helpers.attention(query, key, value, rate=0.3, training=False)
    torch.testing.assert_close(tested, torch.ones_like(tested))
    assert trained.unique().numel() > 10
    assert trained[..., 0].equal(trained[..., -1])  # one decision for a weight, not for a number


LOCAL = ("real", "first", "rate", "scale", "enable_gqa", "sinks")


def near(first: int) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda i, j: ((j <= i + 1) & (i - j <= 3)) | (j < first)


@renders("local_attention")
def test_local_attention_is_attention_with_the_whole_mask() -> None:
    torch.manual_seed(1)
    for given in states(*LOCAL):
        calls = sites(given)
        helpers = rendered(*(local(each) for each in calls))
        if "dropout" in vars(helpers):
            replaced(helpers, dropout=lambda x, rate, training: x)  # noqa: ARG005
        for each in calls:
            for length in (5, 23):
                compare_local(helpers, each, length)


def local(given: set[str]) -> Any:
    keywords = {each: each for each in ("chunk", "left", "right")}
    keywords |= {name: name for name in LOCAL[1:] if name in given}
    if "rate" in given:
        keywords["training"] = "training"
    real = ("real",) if "real" in given else ()
    return called("local_attention", "query", "key", "value", "reads", *real, **keywords)


def compare_local(helpers: Any, given: set[str], length: int) -> None:
    heads = 2 if "enable_gqa" in given else 4
    tensors = [torch.randn(2, each, length, 8) for each in (4, heads, heads)]
    first = 2 if "first" in given else 0
    i = torch.arange(length)
    mask = near(first)(i.unsqueeze(1), i).expand(2, 1, length, length)
    arguments, settings = [*tensors, near(first)], {}
    if "real" in given:
        real = (i < torch.tensor([[length], [length - 2]])).view(2, 1, 1, length)
        arguments, mask = [*arguments, real], mask & real
    if "first" in given:
        settings["first"] = first
    if "rate" in given:
        settings |= {"rate": 0.5, "training": True}
    if "enable_gqa" in given:
        settings["enable_gqa"] = True
    shared: dict[str, Any] = {"scale": 0.3} if "scale" in given else {}
    shared |= {"sinks": SINKS} if "sinks" in given else {}
    got = helpers.local_attention(*arguments, chunk=4, left=3, right=1, **settings, **shared)
    torch.testing.assert_close(got, plain(*tensors, mask, **shared))


FLEXIBLE = ("flexible_attention", "block_mask", "block_mask_of_positions", "as_tensor")


@renders(*FLEXIBLE, "compiled_block_mask")
def test_flexible_attention_has_plain_masks_on_a_cpu() -> None:
    helpers = rendered(*FLEXIBLE)
    tokens = torch.tensor([[5, 6, 7, 8], [5, 6, 0, 0]])
    mask = helpers.block_mask(lambda i, j: j <= i, tokens)
    expected = torch.ones(4, 4, dtype=torch.bool).tril() & (tokens != 0).view(2, 1, 1, 4)
    assert mask.equal(expected)
    tensors = [torch.randn(2, 3, 4, 8) for _ in range(3)]
    assert helpers.as_tensor(mask, tensors[0]) is mask
    got = helpers.flexible_attention(*tensors, mask)
    torch.testing.assert_close(got, F.scaled_dot_product_attention(*tensors, mask))
    first = helpers.block_mask_of_positions(lambda _, j: j < 2, tokens)
    assert first.equal(torch.tensor([True, True, False, False]).expand(4, 4))


@renders("as_tensor")
def test_blocks_are_masks_of_pairs() -> None:
    from torch.nn.attention.flex_attention import create_block_mask

    def causal(_batch: Tensor, _head: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return j <= i

    blocks = create_block_mask(causal, 2, None, 4, 4, "cpu")
    mask = rendered("as_tensor").as_tensor(blocks, torch.zeros(2, 3, 4, 8))
    assert mask.equal(torch.ones(2, 1, 4, 4, dtype=torch.bool).tril())


WEIGHTS = ("bias", "scale", "soft_cap", "enable_gqa", "sinks")


@renders("weights")
def test_weights_are_what_values_are_mixed_by() -> None:
    torch.manual_seed(1)
    for calls in map(sites, states(*WEIGHTS)):
        keywords = [dict(zip(each, each, strict=True)) for each in calls]
        helpers = rendered(*(called("weights", "query", "key", **each) for each in keywords))
        for each in calls:
            (query, key, *_), settings = inputs(each)
            identity = torch.eye(5).expand(3, key.size(1), -1, -1)
            expected = plain(query, key, identity, **settings)
            own = settings | ({"enable_gqa": True} if "enable_gqa" in each else {})
            torch.testing.assert_close(helpers.weights(query, key, **own), expected)


@renders("weights", "pairs")
def test_weights_are_zero_where_one_of_the_masks_is_false() -> None:
    helpers = rendered("weights", "pairs")
    query, key = torch.randn(2, 3, 4, 8), torch.randn(2, 3, 4, 8)
    causal = helpers.pairs(lambda i, j: j <= i, query)
    assert causal.equal(torch.ones(4, 4, dtype=torch.bool).tril())
    real = torch.tensor([[True, True, True, False], [False] * 4]).view(2, 1, 1, 4)
    got = helpers.weights(query, key, causal, real)
    identity = torch.eye(4).expand(2, 3, 4, 4)
    torch.testing.assert_close(got, plain(query, key, identity, causal & real))
    assert not got[1].any(), "a query that may read nothing"


@renders("attention")
def test_a_parameter_that_all_calls_give_has_no_default() -> None:
    asked = {NEVER: False, ALWAYS: True}
    for state, is_needed in asked.items():
        given = dict.fromkeys(OPTIONS, NEVER) | {"rate": ALWAYS, "scale": state}
        helpers = rendered(*map(call_of, sites(given)))
        names = helpers.attention.__code__.co_varnames[: helpers.attention.__code__.co_argcount]
        keywords = helpers.attention.__kwdefaults__ or {}
        assert ("scale" in helpers.attention.__annotations__) is is_needed
        assert not keywords
        assert names == ("query", "key", "value")


@renders("Difference", "first_share")
def test_a_share_of_the_second_map_is_taken_from_the_first() -> None:
    torch.manual_seed(1)
    helpers = rendered("Difference", "first_share")
    shares = [helpers.first_share(number) for number in (1, 2, 40)]
    assert shares == pytest.approx([0.2, 0.3555, 0.8], abs=1e-4)
    module, x = helpers.Difference(8, 2), torch.randn(3, 4, 5, 6)
    pairs = (module.query_1 @ module.key_1, module.query_2 @ module.key_2)
    share = pairs[0].exp() - pairs[1].exp() + shares[1]
    torch.testing.assert_close(module(x), x[:, :2] - share * x[:, 2:])


@renders("expand_latent", "latent_attention")
@pytest.mark.parametrize("given", list(states("mask", "bias", "scale", "soft_cap")))
def test_attention_to_latents_is_that_to_the_keys_and_values_made_of_them(
    given: dict[str, str],
) -> None:
    if any({"mask", "bias"} <= each for each in sites(given)):
        return  # a bias holds the mask
    torch.manual_seed(2)
    names = ("query", "latent", "rotary", "weight", "value_width")
    calls = [
        called(
            "latent_attention",
            *(*names, "mask")[: 6 if "mask" in each else 5],
            **{name: name for name in ("bias", "scale", "soft_cap") if name in each},
        )
        for each in sites(given)
    ]
    helpers = rendered(*calls, "expand_latent")
    linear = torch.nn.Linear(7, 4 * (8 - 2) + 4 * 6, bias=False)
    latent, rotary = torch.randn(3, 1, 5, 7), torch.randn(3, 1, 5, 2)
    key, value = helpers.expand_latent(linear, latent, rotary, 4, 6, 6)
    assert key.shape == (3, 4, 5, 8)
    for each in sites(given):
        (query, *_, mask), settings = inputs(each | {"mask"})
        masks = [mask] if "mask" in each else []
        got = helpers.latent_attention(query, latent, rotary, linear.weight, 6, *masks, **settings)
        torch.testing.assert_close(got, plain(query, key, value, *masks, **settings))
