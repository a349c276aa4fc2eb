"""A mixture of experts against a slow one, token by token, and its loss against its equations."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from compiler.analysis.cost import count_parameters
from compiler.explain import explain
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

WIDTH, D_FF, COUNT = 8, 12, 5


def tree(feed_forward: dict[str, Any]) -> dict[str, Any]:
    files = {"source": "a", "target": "b"}
    return {
        "name": "experts",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"size": 20},
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": D_FF, **feed_forward},
            "encoder": {"layers": 2},
            "decoder": {"layers": 1},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def network(folder: Path, **experts: Any) -> Any:
    """A model with experts, its biases at random, too."""
    torch.manual_seed(1)
    settings = {"activation": "silu", "gated": True, "experts": {"count": COUNT, **experts}}
    model = import_package(compile_tree(tree(settings), folder), folder).Model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 2)
    return model


def slow(experts: Any, x: Tensor, active: int) -> Tensor:
    """Token by token, by the formulas of Shazeer et al. (2017) and Fedus et al. (2021)."""
    rows = []
    for token in x.flatten(0, 1):
        scores = experts.router.weight @ token
        best = sorted(range(COUNT), key=lambda e: scores[e].item(), reverse=True)[:active]
        shares = [scores[e].exp() for e in best]
        total = scores.exp().sum() if active == 1 else sum(shares)
        rows.append(sum(s / total * experts.experts[e](token) for e, s in zip(best, shares)))  # noqa: B905
    return torch.stack(rows).view_as(x)


@pytest.mark.parametrize("active", [1, 2, 4])
def test_a_mixture_is_a_sum_over_the_chosen(active: int, tmp_path: Path) -> None:
    """Outputs and gradients; the last expert is chosen by none."""
    experts = network(tmp_path, active=active).encoder.layers[0].feed_forward
    x = torch.randn(3, 7, WIDTH).abs().requires_grad_()
    experts.router.weight.data[-1] = -9.0
    places = [x, *experts.parameters()]
    weights = torch.randn(x.shape)
    got, expected = experts(x), slow(experts, x, active)
    torch.testing.assert_close(got, expected)
    ours = torch.autograd.grad((got * weights).sum(), places)
    theirs = torch.autograd.grad(
        (expected * weights).sum(), places, allow_unused=True, materialize_grads=True
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert ours[1].any(), "the router learns"


def routed(layer: Any, x: Tensor, experts: dict[str, Any]) -> Tensor:
    """Token by token, by section 2.1.2 of DeepSeek-V3 (2024), and by what Llama 4 weighs."""
    rows, active = [], experts["active"]
    for token in x.flatten(0, 1):
        scores = layer.router.weight @ token
        own = scores.sigmoid() if experts.get("score") == "sigmoid" else scores.softmax(0)
        ranks = own + layer.correction.bias if "correction" in experts else own
        allowed = set(range(len(own)))
        if "groups" in experts:
            count, best = experts["groups"]["count"], experts["groups"]["by"] == "best_two"
            parts = ranks.view(count, -1).sort(descending=True).values[:, : 1 + best].sum(-1)
            kept = parts.argsort(descending=True)[: experts["groups"]["active"]].tolist()
            allowed = {each for each in allowed if each * count // len(own) in kept}
        chosen = sorted(allowed, key=lambda each: ranks[each].item(), reverse=True)[:active]
        total = sum(own[each] for each in chosen) if experts.get("normalize", active > 1) else 1
        row = torch.zeros(WIDTH)
        for each in chosen:
            weight, network = own[each] / total * experts.get("factor", 1.0), layer.experts[each]
            inputs = experts.get("weigh") == "inputs"
            row = row + (network(token * weight) if inputs else network(token) * weight)
        rows.append(row)
    return torch.stack(rows).view_as(x)


ROUTERS: list[dict[str, Any]] = [
    {"count": 6, "active": 2, "normalize": False},
    {"count": 6, "active": 1, "score": "sigmoid", "weigh": "inputs"},
    {"count": 6, "active": 3, "score": "sigmoid", "factor": 2.5, "weigh": "inputs"},
    {"count": 6, "active": 2, "groups": {"count": 3, "active": 2, "by": "best"}},
    {
        **{"count": 8, "active": 3, "score": "sigmoid", "factor": 2.5, "correction": {}},
        "groups": {"count": 4, "active": 2, "by": "best_two"},
    },
]


@pytest.mark.parametrize("experts", ROUTERS, ids=lambda each: "-".join(each))
def test_other_routers_are_their_formulas(experts: dict[str, Any], tmp_path: Path) -> None:
    """Outputs, and the gradients of what has been read; a correction is at random, too."""
    layer = network(tmp_path, **experts).encoder.layers[0].feed_forward
    x = torch.randn(3, 7, WIDTH, requires_grad=True)
    got, expected, weights = layer(x), routed(layer, x, experts), torch.randn(3, 7, WIDTH)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)
    places = [x, layer.router.weight]
    ours, theirs = (torch.autograd.grad((each * weights).sum(), places) for each in (got, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("gated", [False, True])
def test_experts_run_as_one_compute_what_each_computes(
    gated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs and gradients in float32 of the form for GPUs; the last expert is chosen by none."""
    settings = {"gated": gated, "d_ff": 16, "activation": "silu", "experts": {"count": COUNT}}
    package = import_package(compile_tree(tree(settings), tmp_path), tmp_path)
    experts = package.Model().encoder.layers[0].feed_forward
    for parameter in experts.parameters():
        parameter.data += torch.randn_like(parameter) / 2
    x = torch.randn(3, 7, WIDTH).abs().requires_grad_()
    experts.router.weight.data[-1] = -9.0
    places, weights = [x, *experts.parameters()], torch.randn(x.shape)
    apart = experts(x)
    monkeypatch.setattr(package.model.GroupedExperts, "can_run", lambda *_: True)
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor)
    monkeypatch.setattr(torch.Tensor, "tolist", None)  # nothing asks how many tokens there are
    together = experts(x)
    torch.testing.assert_close(together, apart, rtol=1e-6, atol=1e-6)
    theirs, ours = (
        torch.autograd.grad((each * weights).sum(), places) for each in (apart, together)
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_experts_run_as_one_make_one_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = import_package(
        compile_tree(tree({"experts": {"count": 8}, "d_ff": 16}), tmp_path), tmp_path
    )
    experts = package.Model().encoder.layers[0].feed_forward
    monkeypatch.setattr(package.model.GroupedExperts, "can_run", lambda *_: True)
    compiled = torch.compile(experts, backend="eager", dynamic=True, fullgraph=True)
    x = torch.randn(3, 7, WIDTH)
    torch.testing.assert_close(compiled(x), experts(x))


@pytest.mark.parametrize(
    ("dtype", "width", "expected"),
    [(torch.bfloat16, 16, True), (torch.float32, 16, False), (torch.bfloat16, 12, False)],
)
def test_experts_run_as_one_where_there_is_a_kernel(
    dtype: torch.dtype, width: int, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"experts": {"count": 8}, "d_ff": width}
    package = import_package(compile_tree(tree(settings), tmp_path), tmp_path)
    experts = package.Model().encoder.layers[0].feed_forward.experts
    x = torch.zeros(1, dtype=dtype)
    assert not package.model.GroupedExperts.can_run(experts, x)
    monkeypatch.setattr(torch.Tensor, "is_cuda", True)
    assert package.model.GroupedExperts.can_run(experts, x) == expected


def balance(experts: Any, x: Tensor, factor: float) -> Tensor:
    """Equations 4 to 6 of Fedus et al. (2021), for tokens x [tokens, WIDTH], two choices each."""
    scores = F.linear(x, experts.router.weight)
    probability, chosen = scores.softmax(-1), scores.topk(2).indices
    total = torch.zeros(())
    for e in range(COUNT):
        total = total + (chosen == e).sum() / (2 * len(x)) * probability[:, e].mean()
    return factor * COUNT * total


def test_the_balance_loss_of_a_layer(tmp_path: Path) -> None:
    layer = network(tmp_path, balance_loss=0.3).encoder.layers[0].feed_forward
    x, real = torch.randn(3, 7, WIDTH), torch.rand(3, 7) < 0.6
    layer(x)
    got, expected = layer.balance.loss(real), balance(layer, x[real], 0.3)
    torch.testing.assert_close(got, expected)
    ours, theirs = (torch.autograd.grad(each, layer.router.weight) for each in (got, expected))
    torch.testing.assert_close(ours, theirs)


def test_an_even_use_costs_the_factor_and_no_less(tmp_path: Path) -> None:
    layer = network(tmp_path, active=1, balance_loss=0.3).encoder.layers[0].feed_forward
    layer.router.weight.data.copy_(50 * torch.eye(COUNT, WIDTH))
    for rows, expected in ((range(COUNT), 0.3), ([0], 0.3 * COUNT)):
        layer(torch.eye(COUNT, WIDTH)[list(rows)].unsqueeze(0))
        loss = layer.balance.loss(torch.ones(1, len(rows)).bool())
        torch.testing.assert_close(loss, torch.tensor(expected))


def test_a_models_loss_is_the_sum_of_its_layers_without_padding(tmp_path: Path) -> None:
    model = network(tmp_path, balance_loss=0.3)
    source, target = torch.randint(1, 20, (2, 6)), torch.randint(1, 20, (2, 5))
    read: list[tuple[Any, Tensor]] = []
    layers = [*model.encoder.layers, *model.decoder.layers]
    handles = [
        layer.feed_forward.register_forward_pre_hook(lambda m, x: read.append((m, x[0])))
        for layer in layers
    ]
    model.features(source, target)
    for handle in handles:
        handle.remove()
    expected = sum(balance(each, x.flatten(0, 1), 0.3) for each, x in read)
    torch.testing.assert_close(model.balance_loss(source, target), expected)
    padded = [F.pad(tokens, (0, 3)) for tokens in (source, target)]
    model.features(*padded)
    torch.testing.assert_close(model.balance_loss(*padded), expected)


def test_nothing_is_kept_where_nothing_is_trained(tmp_path: Path) -> None:
    model = network(tmp_path).eval()
    model.features(torch.randint(1, 20, (2, 6)), torch.randint(1, 20, (2, 5)))
    assert [each.kept for each in model.modules() if hasattr(each, "kept")] == [None] * 3


def test_no_balance_no_code(tmp_path: Path) -> None:
    package = compile_tree(tree({"experts": {"count": COUNT, "balance_loss": 0}}), tmp_path)
    assert "alance" not in package.files["model.py"]


def test_all_are_parameters_and_the_active_ones_cost(tmp_path: Path) -> None:
    one, few, many = (
        compile_tree(tree({"experts": {"count": count, "active": 2}} if count else {}), tmp_path)
        for count in (0, 4, 8)
    )
    expert, layers = 2 * WIDTH * D_FF + D_FF + WIDTH, 3
    counts = [count_parameters(each.model) for each in (one, few, many)]
    assert counts[1] - counts[0] == layers * (3 * expert + 4 * WIDTH)
    assert counts[2] - counts[1] == layers * (4 * expert + 4 * WIDTH)
    costs = [explain(each, 16).flops_per_token for each in (one, few, many)]
    dense = layers * 2 * 2 * WIDTH * D_FF
    assert dense < costs[1] - costs[0] < 1.6 * dense
    assert costs[2] - costs[1] == layers * 4 * (2 * WIDTH + 3)
    assert sum(row.parameters for row in explain(few, 16).rows) == counts[1]
