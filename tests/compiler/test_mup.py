"""The maximal update parametrisation: sizes of activations at all widths, and what it refuses."""

import importlib
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.load import load
from runtime.training.update import set_rates
from tests.support.helpers import rendered, renders
from tests.support.packages import import_package

CASE = Path(__file__).parents[1] / "cases" / "mup" / "spec.yaml"
WIDTHS = (32, 64, 128, 256)
BASE, RATE, UPDATES = 32, 0.01, 6
MUP = f"{{kind: mup, base_width: {BASE}, base_d_k: {BASE // 4}, std: 0.1}}"
NORMAL = "{kind: normal, std: 0.1}"


def recipe(width: int, initialization: str, folder: Path) -> tuple[nn.Module, ModuleType]:
    """A language model of two layers, and the `training.py` beside it."""
    settings = [
        *(f"model.initialization={initialization}", f"model.d_model={width}"),
        *("model.attention.heads=4", f"model.feed_forward.d_ff={2 * width}"),
        *("model.vocabulary.size=40", "model.decoder.layers=2", "model.norm.place=pre"),
    ]
    package = compile_spec(str(CASE), settings)
    module = import_package(package, folder / f"{width}-{initialization[7:11]}")
    torch.manual_seed(0)
    return module.Model(), importlib.import_module(f"{module.__name__}.training")


def trained(width: int, initialization: str, folder: Path) -> dict[str, float]:
    """The size of how hidden vectors and logits have changed after some updates."""
    model, training = recipe(width, initialization, folder)
    optimizer = training.optimizer(model)
    tokens = torch.randint(4, 40, (8, 17), generator=torch.Generator().manual_seed(1))
    before = outputs(model, tokens)
    for _ in range(UPDATES):
        optimizer.zero_grad()
        logits = model(tokens[:, :-1])
        training.loss(logits.flatten(0, 1), tokens[:, 1:].flatten())[0].div(128).backward()
        set_rates(optimizer, RATE)
        optimizer.step()
    after = outputs(model, tokens)
    return {name: (after[name] - before[name]).std().item() for name in before}


@torch.no_grad()
def outputs(model: nn.Module, tokens: Tensor) -> dict[str, Tensor]:
    """Logits, and what the sub-layers of the last layer give, by name."""
    found: dict[str, Tensor] = {}

    def keep(name: str, _module: nn.Module, _inputs: object, result: Tensor) -> None:
        found[name] = result

    layer = model.decoder.layers[-1]
    hooks = [
        getattr(layer, name).register_forward_hook(partial(keep, name))
        for name in ("self_attention", "feed_forward")
    ]
    found["logits"] = model(tokens)
    for each in hooks:
        each.remove()
    return found


def growth(initialization: str, folder: Path) -> dict[str, float]:
    """By what factor the changes grow from the least width to the largest."""
    sizes = [trained(width, initialization, folder) for width in WIDTHS]
    return {name: sizes[-1][name] / sizes[0][name] for name in sizes[0]}


def test_updates_change_activations_alike_at_all_widths(tmp_path: Path) -> None:
    """The coordinate check (Yang et al. 2022, Figure 5 and appendix D.1)."""
    own, plain = growth(MUP, tmp_path), growth(NORMAL, tmp_path)
    for name in own:
        assert 0.5 < own[name] < 2.0, (name, own)
        assert plain[name] > 2 * own[name], (name, own, plain)


def test_at_the_base_width_it_is_the_normal_distribution(tmp_path: Path) -> None:
    own, training = recipe(BASE, MUP, tmp_path)
    plain, _ = recipe(BASE, NORMAL, tmp_path)
    tokens = torch.randint(4, 40, (2, 9))
    torch.testing.assert_close(own.eval()(tokens), plain.eval()(tokens))
    assert {group["rate"] for group in training.optimizer(own).param_groups} == {1.0}


@pytest.mark.quick
@renders("width_groups")
def test_hidden_matrices_learn_slowly_and_decay_as_much() -> None:
    model = nn.ModuleDict({"table": nn.Embedding(3, 8), "map": nn.Linear(8, 8)})
    groups = rendered("width_groups").width_groups(model, ("map.w*",), 0.25, 0.1)
    names = {id(each): name for name, each in model.named_parameters()}
    found = [([names[id(each)] for each in group.pop("params")], group) for group in groups]
    assert found == [
        (["map.weight"], {"rate": 0.25, "weight_decay": 0.4}),
        (["table.weight"], {"rate": 1.0, "weight_decay": 0.1}),
        (["map.bias"], {"rate": 1.0, "weight_decay": 0.0}),
    ]


def test_a_group_has_its_share_of_the_rate() -> None:
    weights = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [{"params": weights[:1], "rate": 0.25}, {"params": weights[1:]}]
    optimizer = torch.optim.Adam(groups, lr=1.0)
    set_rates(optimizer, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.5]


@pytest.mark.quick
@pytest.mark.parametrize(
    ("setting", "mended"),
    [
        ("training.optimizer={kind: sgd, momentum: 0.0}", "training.optimizer=adamw"),
        ("model.attention.scale=0.3", "model.attention.scale=null"),
        ("model.output.scale=0.3", "model.output.scale=1.0"),
        ("model.output.bias=true", "model.output.bias=false"),
        ("model.embedding.scale=sqrt_d_model", "model.embedding.scale=none"),
        ("model.kernel=flex", "model.kernel=auto"),
        ("model.embedding.width=8", "model.embedding.width=null"),
        ("model.attention.differential=true", "model.attention.differential=false"),
        ("model.residual={streams: 2}", "model.residual={streams: 2, dynamic: false}"),
        (
            "model.decoder={block: [recurrence, feed_forward], recurrence: {kind: gru}}",
            "model.decoder={block: [self_attention, feed_forward]}",
        ),
    ],
)
def test_what_has_no_rule_is_refused_by_name(setting: str, mended: str) -> None:
    more = ["training.schedule.peak=0.01"]
    with pytest.raises(Rejected) as refused:
        load(str(CASE), [*more, setting])
    key = setting.partition("=")[0].rpartition(".")[2]
    found = [each for each in refused.value.diagnostics if each.code == "mup"]
    assert any("mup" in each.message for each in found), key
    assert load(str(CASE), [*more, mended])


@pytest.mark.quick
def test_factors_that_a_complete_spec_has_written_are_its_own() -> None:
    """They are 1 / d_k by default, and base_width / d_model."""
    settings = ["model.initialization={kind: mup, base_width: 16, base_d_k: null}"]
    model = load(str(CASE), settings).spec.model
    assert model.decoder is not None
    attention = model.decoder.layers[0].self_attention
    assert attention is not None
    assert (attention.scale, model.output.scale) == (1 / 16, 0.25)
    written = [f"model.attention.scale={1 / 16}", "model.output.scale=0.25"]
    assert load(str(CASE), [*settings, *written]).spec.model == model
