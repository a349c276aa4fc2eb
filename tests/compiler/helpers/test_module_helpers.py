"""The helpers that make modules, and those that run them, against torch's own modules."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.support.helpers import called, rendered, renders, sites, states

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def always_the_same() -> None:
    torch.manual_seed(1)


def seeded(make: Callable[[], nn.Module]) -> dict[str, Tensor]:
    """What a module starts with, from one seed."""
    torch.manual_seed(1)
    return {name: each.detach() for name, each in make().named_parameters()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def ways(*names: str, normal: bool) -> list[list[set[str]]]:
    """The calls of a file whose matrices are all normal, or all Xavier-uniform."""
    found = [sites(each) for each in states(*names)]
    return [[each | {"std"} if normal else each for each in calls] for calls in found]


SETTINGS = {"bias": False, "std": 0.02, "gain": 0.5, "gains": (1.0, 0.25)}


def plain_linear(given: set[str]) -> nn.Linear:
    module = nn.Linear(6, 7, bias="bias" not in given)
    gains = SETTINGS["gains"] if "gains" in given else [0.5 if "gain" in given else 1.0] * 2
    parts = torch.split(module.weight.detach(), [4, 3])
    if "std" in given and "gains" not in given:
        nn.init.normal_(module.weight, std=0.02)
    else:
        for part, gain in zip(parts, gains, strict=True):  # type: ignore[arg-type]
            if "std" in given:
                nn.init.normal_(part, std=gain * 0.02)
            else:
                nn.init.xavier_uniform_(part, gain)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


@renders("linear")
@pytest.mark.parametrize("normal", [False, True])
def test_a_linear_map_starts_slice_by_slice(normal: bool) -> None:
    for calls in ways("bias", "gains", *([] if normal else ["gain"]), normal=normal):
        if any({"gain", "gains"} <= each for each in calls):
            continue
        keywords = [dict(zip(each, each, strict=True)) for each in calls]
        helpers = rendered(*(called("linear", "a", "b", "c", **each) for each in keywords))
        for each in calls:
            # Where some call has gains all slices are drawn one by one: the next test has those.
            if normal and "gains" not in each and any("gains" in other for other in calls):
                continue
            make = partial(helpers.linear, 6, 4, 3, **{name: SETTINGS[name] for name in each})
            same(seeded(make), seeded(partial(plain_linear, each)))


@renders("linear")
def test_a_file_may_have_linear_maps_with_and_without_gains() -> None:
    helpers = rendered(called("linear", "a", "b", gains="g"), called("linear", "a", "b", gain="g"))
    got = seeded(lambda: helpers.linear(6, 4, 3, gain=0.5))
    same(got, seeded(lambda: plain_linear({"gain"})))


TABLES = ["embedding", "segment_embedding", "position_embedding"]


@renders(*TABLES)
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_normal_by_their_width_or_as_told(name: str) -> None:
    for calls in map(sites, states("std")):
        keywords = [dict.fromkeys(each, "std") for each in calls]
        make = getattr(rendered(*(called(name, "a", "b", **each) for each in keywords)), name)
        for each in calls:
            std = 0.02 if each else 16**-0.5
            table = make(500, 16, **({"std": std} if each else {}))
            weight = table.weight.detach()
            if name == "embedding":
                assert not weight[0].any(), "padding"
                assert table.padding_idx == 0
                weight = weight[1:]
            assert abs(weight.std() / std - 1) < 0.05


@renders("output_projection")
@pytest.mark.parametrize("keywords", [{}, {"std": 0.02}])
def test_an_output_projection_is_a_linear_map_that_starts_as_a_table(
    keywords: dict[str, float],
) -> None:
    helpers = rendered(called("output_projection", "a", "b", **dict.fromkeys(keywords, "std")))
    made = helpers.output_projection(16, 500, **keywords)
    assert type(made) is nn.Linear
    assert made.bias is None
    assert made.weight.shape == (500, 16)
    assert abs(made.weight.std() / keywords.get("std", 16**-0.5) - 1) < 0.05


@renders("distance_embedding")
def test_numbers_for_distances_are_normal() -> None:
    table = rendered(called("distance_embedding", "a", "b", std="s")).distance_embedding(
        32, 200, std=0.1
    )
    assert table.weight.shape == (32, 200)
    assert abs(table.weight.std() / 0.1 - 1) < 0.05


@renders("OffsetRMSNorm")
def test_the_weight_of_an_offset_norm_is_a_gain_less_one() -> None:
    norm, x = rendered("OffsetRMSNorm").OffsetRMSNorm(8, 1e-5), torch.randn(3, 8)
    assert norm(x).equal(F.rms_norm(x, (8,), torch.ones(8), 1e-5))
    nn.init.normal_(norm.weight)
    torch.testing.assert_close(norm(x), F.rms_norm(x, (8,), 1 + norm.weight, 1e-5))


@renders("lstm", "gru")
@pytest.mark.parametrize(("name", "gates"), [("lstm", 4), ("gru", 3)])
@pytest.mark.parametrize("setting", ["", "gain", "std"])
def test_recurrences_are_torchs_and_start_gate_by_gate(name: str, gates: int, setting: str) -> None:
    value = {"gain": 0.5, "std": 0.02}.get(setting)
    for calls in map(sites, states("bidirectional")):
        keywords = [dict.fromkeys([*each, *[setting][: value is not None]], "x") for each in calls]
        make = getattr(rendered(*(called(name, "a", "b", **each) for each in keywords)), name)
        for each in calls:
            settings: dict[str, Any] = dict.fromkeys(each, True)
            module = make(16, 20, **settings, **({setting: value} if setting else {}))
            assert isinstance(module, nn.LSTM if name == "lstm" else nn.GRU)
            assert module.batch_first
            assert module.bidirectional == bool(each)
            for key, parameter in module.named_parameters():
                check_gates(key, parameter.detach(), gates, setting)


def check_gates(key: str, parameter: Tensor, gates: int, setting: str) -> None:
    if key.startswith("bias"):
        assert not parameter.any()
        return
    for gate in parameter.chunk(gates):
        if setting == "std":
            assert 0.01 < gate.std() < 0.03
            continue
        bound = (0.5 if setting else 1.0) * (6 / sum(gate.shape)) ** 0.5
        assert 0.8 * bound < gate.abs().max() <= bound


@renders("run_bidirectional")
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrence_in_both_directions_skips_padding(kind: type[nn.RNNBase]) -> None:
    layer = kind(6, 5, batch_first=True, bidirectional=True)
    x, lengths = torch.randn(3, 7, 6), [7, 4, 1]
    real = (torch.arange(7) < torch.tensor(lengths).unsqueeze(1)).view(3, 1, 1, 7)
    got = rendered("run_bidirectional").run_bidirectional(layer, x, real)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(got[row, :length], layer(x[row : row + 1, :length])[0][0])
        assert not got[row, length:].any()


@renders("run_recurrence")
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_recurrence_runs_in_the_dtype_of_its_weights(kind: type[nn.RNNBase]) -> None:
    layer, x = kind(6, 5, batch_first=True), torch.randn(3, 7, 6).bfloat16()
    run = rendered("run_recurrence").run_recurrence
    with torch.autocast("cpu", torch.bfloat16):
        got, _ = run(layer, x)
    assert got.equal(layer(x.float())[0])
    assert run(layer.double(), x)[0].dtype == torch.float64


def plain_convolution(given: set[str]) -> nn.Conv1d:
    module = nn.Conv1d(4, 8, 3)
    gains = SETTINGS["gains"] if "gains" in given else [0.5 if "gain" in given else 1.0] * 2
    if given == {"std"}:
        nn.init.normal_(module.weight, std=0.02)
    for part, gain in zip(module.weight.detach().chunk(2), gains, strict=True):  # type: ignore[arg-type]
        if "std" not in given:
            nn.init.xavier_uniform_(part, gain)
        elif "gains" in given:
            nn.init.normal_(part, std=gain * 0.02)
    nn.init.zeros_(module.get_parameter("bias"))
    return module


@renders("gated_convolution")
@pytest.mark.parametrize("given", [(), ("gain",), ("gains",), ("std",), ("std", "gains")])
def test_a_gated_convolution_starts_half_by_half(given: tuple[str, ...]) -> None:
    keywords = dict(zip(given, given, strict=True))
    helpers = rendered(called("gated_convolution", "a", "b", **keywords))
    settings = {name: SETTINGS[name] for name in given}
    got = seeded(lambda: helpers.gated_convolution(4, 3, **settings))
    same(got, seeded(lambda: plain_convolution(set(given))))


@renders("gated_convolution")
def test_a_file_may_have_gated_convolutions_with_and_without_gains() -> None:
    calls = [
        called("gated_convolution", "a", "b", gains="g"),
        called("gated_convolution", "a", "b"),
    ]
    got = seeded(lambda: rendered(*calls).gated_convolution(4, 3))
    same(got, seeded(lambda: plain_convolution(set())))


@renders("depthwise_convolution")
@pytest.mark.parametrize("setting", ["", "gain", "std"])
def test_a_depthwise_convolution_treats_numbers_by_themselves(setting: str) -> None:
    value = {"gain": 0.5, "std": 0.02}.get(setting)
    keywords = {setting: "x"} if setting else {}
    helpers = rendered(called("depthwise_convolution", "a", "b", **keywords))
    module = helpers.depthwise_convolution(64, 5, **({setting: value} if setting else {}))
    assert (module.groups, module.bias, module.weight.shape) == (64, None, (64, 1, 5))
    if setting == "std":
        assert abs(module.weight.std() / 0.02 - 1) < 0.2
    else:
        # Each number by itself is a matrix of 5 x 5 along the stream, as Xavier counts.
        bound = (value or 1.0) * (3 / 5) ** 0.5
        assert 0.9 * bound < module.weight.abs().max() <= bound


@renders("depthwise_convolution")
@pytest.mark.parametrize("given", [("bias", ""), ("bias", "bias"), ("", "bias")])
def test_a_depthwise_convolution_may_have_biases_of_zeros(given: tuple[str, ...]) -> None:
    calls = [
        called("depthwise_convolution", "a", "b", **({name: name} if name else {}))
        for name in given
    ]
    module = rendered(*calls).depthwise_convolution(6, 3, bias=True)
    assert module.bias.shape == (6,)
    assert not module.bias.any()


@renders("causal_convolution", "centred_convolution")
def test_convolutions_along_a_stream() -> None:
    layer, x = nn.Conv1d(6, 5, 3), torch.randn(2, 7, 6)
    helpers = rendered("causal_convolution", "centred_convolution")
    expected = F.conv1d(F.pad(x.mT, (2, 0)), layer.weight, layer.bias).mT
    torch.testing.assert_close(helpers.causal_convolution(layer, x), expected)
    real = torch.arange(7).expand(2, 1, 1, 7) < torch.tensor([7, 4]).view(2, 1, 1, 1)
    got = helpers.centred_convolution(layer, x, real)
    alone = F.conv1d(x[1:, :4].mT, layer.weight, layer.bias, padding=1).mT
    torch.testing.assert_close(got[1:, :4], alone)
    torch.testing.assert_close(got[:1], F.conv1d(x[:1].mT, layer.weight, layer.bias, padding=1).mT)


@renders("Layers")
def test_layers_are_a_list_of_modules() -> None:
    layers = rendered("Layers").Layers([nn.Linear(2, 2), nn.Linear(2, 3)])
    assert isinstance(layers, nn.ModuleList)
    assert [each.out_features for each in layers] == [2, 3]
    assert list(dict(layers.named_parameters())) == ["0.weight", "0.bias", "1.weight", "1.bias"]


@renders("choose_expert", "choose_experts")
def test_experts_are_the_best_and_weighed_by_a_softmax() -> None:
    helpers, scores = rendered("choose_expert", "choose_experts"), torch.randn(3, 4, 5)
    chosen, weights = helpers.choose_experts(scores, 2)
    best = scores.sort(dim=-1, descending=True)
    assert chosen.equal(best.indices[..., :2])
    torch.testing.assert_close(weights, best.values[..., :2].softmax(-1))
    chosen, weights = helpers.choose_expert(scores)
    assert chosen.equal(best.indices[..., :1])
    torch.testing.assert_close(weights, scores.softmax(-1).amax(-1, keepdim=True))


@renders("mixture", "GroupedExperts")
def test_a_mixture_is_the_weighted_sum_of_the_chosen() -> None:
    experts = nn.ModuleList([nn.Linear(6, 6) for _ in range(4)])
    x, chosen = torch.randn(3, 5, 6), torch.rand(3, 5, 4).topk(2).indices
    weights = torch.rand(3, 5, 2)
    all_outputs = torch.stack([each(x) for each in experts], dim=-2)
    picked = all_outputs.gather(-2, chosen.unsqueeze(-1).expand(-1, -1, -1, 6))
    expected = (picked * weights.unsqueeze(-1)).sum(-2)
    torch.testing.assert_close(rendered("mixture").mixture(experts, x, chosen, weights), expected)


@renders("LoadBalancing", "balance_loss")
def test_the_loss_is_its_factor_where_experts_are_used_alike() -> None:
    helpers = rendered("balance_loss", "LoadBalancing")
    stack = nn.ModuleList(
        [helpers.LoadBalancing(0.01), nn.ModuleList([helpers.LoadBalancing(0.02)])]
    )
    tokens = torch.tensor([[5, 6, 0], [7, 8, 0]])
    chosen = torch.tensor([[[0], [1], [0]], [[1], [0], [0]]])
    for each in (stack[0], stack[1][0]):  # type: ignore[index]
        each(torch.zeros(2, 3, 2), chosen)
    torch.testing.assert_close(helpers.balance_loss(stack, tokens), torch.tensor(0.03))
    scores = torch.tensor([3.0, 0.0]).expand(2, 3, 2)
    for each in (stack[0], stack[1][0]):  # type: ignore[index]
        each(scores, torch.zeros(2, 3, 1, dtype=torch.long))
    uneven = 2 * scores[0, 0].softmax(0)[0]
    torch.testing.assert_close(helpers.balance_loss(stack, tokens), 0.03 * uneven)
