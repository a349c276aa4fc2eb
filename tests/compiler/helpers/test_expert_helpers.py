"""The helpers of experts against loops over tokens, and their nonlinearities against formulas."""

import math

import pytest
import torch
from torch import Tensor, nn

from tests.support.helpers import called, rendered, renders, sites, states

pytestmark = pytest.mark.quick

EXPERTS, ACTIVE = 8, 3


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(1)


def best_of(numbers: list[float], count: int) -> list[int]:
    """The places of the largest numbers, the largest first."""
    return sorted(range(len(numbers)), key=lambda place: numbers[place], reverse=True)[:count]


@renders("clamp")
def test_a_clamp_bounds_both_signs() -> None:
    x = torch.tensor([[-8.0, -7.0, -0.5], [0.0, 6.9, 7.1]], requires_grad=True)
    bounded = rendered("clamp").clamp(x, 7.0)
    assert bounded.equal(torch.tensor([[-7.0, -7.0, -0.5], [0.0, 6.9, 7.0]]))
    (slope,) = torch.autograd.grad(bounded.sum(), x)
    assert slope.tolist() == [[0, 1, 1], [1, 1, 0]], "beyond the bound nothing is learned"


@renders("quick_gelu")
def test_quick_gelu_is_near_a_gelu() -> None:
    """Section 2 of Hendrycks and Gimpel (2016): x times the logistic function of 1.702 x."""
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    got = rendered("quick_gelu").quick_gelu(x)
    expected = [each / (1 + math.exp(-1.702 * each)) for each in x.tolist()]
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float64))
    assert (got - nn.functional.gelu(x)).abs().max() < 0.021


def xielu(x: float, alpha_p: float, alpha_n: float) -> float:
    """Equation of Huang and Schlag (2024) with beta = 0.5; both rates are what they are."""
    if x > 0:
        return alpha_p * x**2 + 0.5 * x
    return alpha_n * (math.expm1(min(x, -1e-6)) - x) + 0.5 * x


@renders("XIELU")
@pytest.mark.parametrize("moved", [0.0, 0.7])
def test_xielu_is_the_formula_of_its_paper(moved: float) -> None:
    """xIELU is its formula where both rates are 0.8, as it starts, and where it has learned."""
    module = rendered("XIELU").XIELU().double()
    with torch.no_grad():
        module.alpha_p += moved
        module.alpha_n -= moved
    alpha_p = math.log1p(math.exp(module.alpha_p.item()))
    alpha_n = 0.5 + math.log1p(math.exp(module.alpha_n.item()))
    if not moved:
        assert [alpha_p, alpha_n] == pytest.approx([0.8, 0.8])
    x = torch.linspace(-4, 4, 33, dtype=torch.float64).view(3, 11).requires_grad_()
    expected = [xielu(each, alpha_p, alpha_n) for each in x.flatten().tolist()]
    got = module(x)
    torch.testing.assert_close(got.flatten(), torch.tensor(expected, dtype=torch.float64))
    slopes = torch.autograd.grad(got.sum(), [x, *module.parameters()])
    assert all(each.isfinite().all() and each.any() for each in slopes)


@renders("XIELU")
def test_xielu_is_finite_far_from_zero_and_keeps_the_precision() -> None:
    module = rendered("XIELU").XIELU()
    x = torch.tensor([-1000.0, 0.0, 1000.0], requires_grad=True)
    got = module(x)
    torch.testing.assert_close(got, torch.tensor([-0.8 + 300, -8e-7, 800500.0]))
    for slope in torch.autograd.grad(got.sum(), [x, *module.parameters()]):
        assert slope.isfinite().all()
    assert module(x.bfloat16()).dtype == torch.bfloat16


def choice(
    affinities: Tensor, ranking: Tensor, normalize: bool
) -> tuple[list[list[int]], list[list[float]]]:
    """The experts of each token, ranked by other numbers than those that are their weights."""
    chosen, weights = [], []
    for own, ranks in zip(affinities.tolist(), ranking.tolist(), strict=True):
        best = best_of(ranks, ACTIVE)
        total = sum(own[each] for each in best) if normalize else 1.0
        chosen.append(best)
        weights.append([own[each] / total for each in best])
    return chosen, weights


@renders("choose_by_affinity")
def test_the_best_by_their_ranking_are_weighed_by_their_affinities() -> None:
    affinities = torch.rand(12, EXPERTS)
    ranking = affinities + torch.randn(EXPERTS)
    given = {"ranking": ranking, "normalize": True}
    for calls in map(sites, states("ranking", "normalize")):
        keywords = [{name: name for name in each} for each in calls]
        helper = rendered(*(called("choose_by_affinity", "a", "b", **each) for each in keywords))
        for names in calls:
            settings = {name: given[name] for name in names}
            chosen, weights = helper.choose_by_affinity(affinities, ACTIVE, **settings)
            ranks = ranking if "ranking" in names else affinities
            experts, shares = choice(affinities, ranks, "normalize" in names)
            assert chosen.tolist() == experts
            torch.testing.assert_close(weights, torch.tensor(shares))


@renders("choose_by_affinity")
def test_affinities_that_are_all_zero_have_no_shares() -> None:
    """The sigmoids of scores far below zero are zero in float32."""
    helper = rendered(called("choose_by_affinity", "a", "b", normalize="c"))
    _, weights = helper.choose_by_affinity(torch.zeros(2, EXPERTS), ACTIVE, normalize=True)
    assert not weights.any()


def within(numbers: list[float], groups: int, active: int, best: int) -> list[float]:
    """Section 2.2.2 of DeepSeek-V2: the groups with the highest scores take part, for one token.

    A score is the affinity of the best expert, or, in section 2.1.2 of DeepSeek-V3, the sum of
    several.
    """
    size = len(numbers) // groups
    parts = [numbers[each * size : (each + 1) * size] for each in range(groups)]
    kept = best_of([sum(sorted(part)[-best:]) for part in parts], active)
    return [number if place // size in kept else -math.inf for place, number in enumerate(numbers)]


@renders("within_groups")
@pytest.mark.parametrize(("groups", "active", "best"), [(4, 2, 1), (4, 1, 2), (2, 1, 2), (2, 2, 1)])
def test_experts_are_chosen_within_the_best_groups(groups: int, active: int, best: int) -> None:
    """Corrected affinities are below zero, too; those of other groups never come before them."""
    affinities = torch.randn(3, 10, EXPERTS)
    got = rendered("within_groups").within_groups(affinities, groups, active, best)
    expected = [within(each, groups, active, best) for each in affinities.flatten(0, 1).tolist()]
    assert got.equal(torch.tensor(expected).view_as(affinities))


@renders("LoadCorrection")
def test_a_correction_follows_the_load_by_its_rate() -> None:
    """Algorithm 1 of Wang et al. (2024): up by the rate where fewer than the mean have chosen."""
    correction = rendered("LoadCorrection").LoadCorrection(4, 0.25)
    affinities = torch.rand(2, 3, 4, requires_grad=True)
    assert correction(affinities).equal(affinities), "it starts at zero"
    change = correction.change(torch.tensor([5.0, 0.0, 3.0, 4.0]))
    assert change.tolist() == [-0.25, 0.25, 0.0, -0.25]
    correction.bias += change
    torch.testing.assert_close(correction(affinities), affinities + change)
    assert not correction.bias.requires_grad


@renders("LoadCorrection")
def test_a_correction_makes_the_load_even() -> None:
    """Experts that all tokens prefer are chosen as often as the others after some updates."""
    correction = rendered("LoadCorrection").LoadCorrection(4, 0.01)
    affinities = (torch.randn(400, 4) + torch.tensor([2.0, 0.0, 0.0, -1.0])).sigmoid()

    def load() -> Tensor:
        return correction(affinities).topk(2).indices.flatten().bincount(minlength=4).float()

    assert load().max() > 1.5 * load().mean()
    for _ in range(200):
        correction.bias += correction.change(load())
    assert load().max() < 1.1 * load().mean()


@renders("mixture", "dense_mixture")
@pytest.mark.parametrize("name", ["mixture", "dense_mixture"])
def test_weights_multiply_what_experts_read_or_write(name: str) -> None:
    """Llama 4 weighs what experts read, which is not the same where they are not linear."""
    experts = nn.ModuleList([nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(4)])
    x, chosen, weights = torch.randn(9, 6), torch.rand(9, 4).topk(2).indices, torch.rand(9, 2)
    for calls in map(sites, states("weigh_inputs")):
        keywords = [{each: each for each in names} for names in calls]
        helper = rendered(*(called(name, "a", "b", "c", "d", **each) for each in keywords))
        for names in calls:
            rows = []
            for token, best, shares in zip(x, chosen.tolist(), weights, strict=True):
                pairs = [(experts[each], share) for each, share in zip(best, shares, strict=True)]
                parts = [one(token * w) if names else one(token) * w for one, w in pairs]
                rows.append(torch.stack(parts).sum(dim=0))
            got = getattr(helper, name)(experts, x, chosen, weights, **dict.fromkeys(names, True))
            torch.testing.assert_close(got, torch.stack(rows))
