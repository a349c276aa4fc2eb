"""What is said of checkpoints against what really loads, for pairs of random specs."""

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from compiler.diff.checkpoint import CheckpointDifference, checkpoint_difference
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.source.diagnostic import Rejected
from compiler.weights.parameters import named_parameters
from compiler.weights.transfer import Transfer, transfer
from runtime.behaviour.probe import fill_by_name
from runtime.weights.importing import import_weights
from runtime.weights.transfer import moved
from tests.support.checkpoints import KNOWN, SMALL
from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs

pytestmark = pytest.mark.usefixtures("exact")

VERDICTS = Counter[str]()
PARTS = (
    *("d_model", "dropout", "norm", "attention", "feed_forward", "initialization", "encoder"),
    *("decoder", "kernel", "embedding", "output", "vocabulary"),
)
SETTINGS: tuple[tuple[str, Any], ...] = (
    ("embedding.tied", "none"),
    ("embedding.tied", "target"),
    ("embedding.tied", "all"),
    ("embedding.scale", "none"),
    ("encoder.layers", 1),
    ("encoder.layers", 2),
    ("decoder.layers", 1),
    ("decoder.layers", 3),
    ("encoder.layers", [{"repeat": 3, "distinct": 1}]),
    ("decoder.layers", [{"repeat": 4, "distinct": 2}]),
    ("attention.heads", 2),
    ("attention.kv_heads", 1),
    ("feed_forward.gated", True),
    ("feed_forward.activation", "gelu"),
    ("feed_forward.scale", 0.7),
    ("output.scale", 0.3),
    ("dropout", 0.2),
    ("initialization", "fairseq"),
    ("kernel", "flex"),
    ("attention.scale", 0.7),
    ("norm.eps", 1e-3),
)

State = dict[str, Tensor]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Tree, Tree]:
    """Two specs that have nothing to do with each other; or one, changed in one or two places."""
    one, other = draw(specs()), draw(specs())
    kind = draw(st.sampled_from(("setting", "setting", "setting", "part", "another")))
    if kind == "another":
        return one, other
    changed = copy.deepcopy(one)
    for _ in range(draw(st.integers(1, 2))):
        if kind == "setting":
            place, value = draw(st.sampled_from(SETTINGS))
        else:
            place = draw(st.sampled_from([each for each in PARTS if each in other["model"]]))
            value = other["model"][place]
        _put(changed["model"], place, copy.deepcopy(value))
    return one, changed


def _put(model: Tree, place: str, value: object) -> None:
    *holders, key = place.split(".")
    for holder in holders:
        model = model.setdefault(holder, {})
    model[key] = value


@settings(max_examples=60)
@given(pair=pairs())
def test_what_is_said_of_checkpoints_is_so(pair: tuple[Tree, Tree], tmp_path: Path) -> None:
    try:
        before, after = (compile_tree(each, tmp_path) for each in pair)
    except Rejected:
        return
    VERDICTS[checked(before, after, tmp_path).verdict] += 1


@pytest.mark.quick
@pytest.mark.parametrize(("setting", "verdict"), KNOWN.items())
def test_known_verdicts(setting: str, verdict: str, tmp_path: Path) -> None:
    before, after = (compile_spec("demo", [*SMALL, *each]) for each in ((), setting.split("; ")))
    assert checked(before, after, tmp_path).verdict == verdict


def checked(before: CompiledPackage, after: CompiledPackage, folder: Path) -> CheckpointDifference:
    """What is said of a pair, once it has been compared with what really loads."""
    said, found = checkpoint_difference(before, after), transfer(before.model, after.model)
    models = [_model(each, folder) for each in (before, after)]
    the_share_is_what_moves(said, found, *models)
    nothing_that_fits_is_left_out(before, found)
    the_same_loads(before, after, said, *models)
    if said.verdict in ("same", "same shapes"):
        the_same_network_computes_the_same(after, said, *models)
    if said.verdict == "with a map":
        the_map_makes_all(after, said, found, folder, *models)
    else:
        assert not said.map
    return said


def test_every_verdict_was_given() -> None:
    """`not` takes two networks of which no two tensors are of one length: below."""
    assert {"same", "same shapes", "with a map", "partly"} <= VERDICTS.keys()


@pytest.mark.quick
def test_networks_that_have_no_shape_in_common() -> None:
    before, after = (
        compile_spec("demo", [*SMALL[4:], *each])
        for each in (
            ("model.d_model=16", "model.feed_forward.d_ff=20", "model.vocabulary.size=50"),
            ("model.d_model=24", "model.feed_forward.d_ff=40", "model.vocabulary.size=60"),
        )
    )
    said = checkpoint_difference(before, after)
    assert (said.verdict, said.taken, said.share, said.fitting) == ("not", 0, 0.0, ())


def _model(package: CompiledPackage, folder: Path) -> nn.Module:
    model: nn.Module = import_package(package, folder).Model().eval()
    fill_by_name(model)
    return model


def the_share_is_what_moves(
    said: CheckpointDifference, found: Transfer, before: nn.Module, after: nn.Module
) -> None:
    """Ones go into zeros: their number is that of the parameters that are taken."""
    ones = {name: torch.ones_like(each) for name, each in before.state_dict().items()}
    zeros = {name: torch.zeros_like(each) for name, each in after.state_dict().items()}
    taken = sum(each.sum().item() for each in moved(zeros, ones, found.moves).values())
    count = sum(each.numel() for each in after.parameters())
    assert (said.taken, said.parameters, said.share) == (taken, count, taken / count)
    assert bool(said.new) == (taken < count)


def nothing_that_fits_is_left_out(before: CompiledPackage, found: Transfer) -> None:
    """By name and shape: what stands under the same name in the same place, and moves nothing."""
    given = {each.name: each for each in named_parameters(before.model)}
    for region in found.new:
        same = given.get(region.tensor)
        assert same is None or region.slice or same.shape != region.shape or same.slices
        rows = dict(same.slices).get(region.slice) if same else None
        assert rows is None or (rows, *same.shape[1:]) != region.shape


def the_same_loads(
    before: CompiledPackage,
    after: CompiledPackage,
    said: CheckpointDifference,
    old: nn.Module,
    new: nn.Module,
) -> None:
    shapes = [{n: p.shape for n, p in each.state_dict().items()} for each in (old, new)]
    slices = [{p.name: p.slices for p in named_parameters(each.model)} for each in (before, after)]
    loads = shapes[0] == shapes[1] and slices[0] == slices[1]
    assert (said.verdict in ("same", "same shapes")) == loads
    if loads:
        new.load_state_dict(old.state_dict())


@torch.no_grad()
def the_same_network_computes_the_same(
    package: CompiledPackage, said: CheckpointDifference, old: nn.Module, new: nn.Module
) -> None:
    """Behind it in its place, another network shows in some logit."""
    torch.manual_seed(0)
    texts = {
        each.name: torch.randint(5, 11, (4, 24))
        for each in package.model.function("forward").inputs
    }
    if "segments" in texts:
        texts["segments"] %= 2
    for each in texts.values():
        each[1, 15:] = 0
    outputs = [_real(model(*texts.values()), texts) for model in (old, new)]
    is_equal = torch.allclose(*outputs, rtol=1e-9, atol=1e-12)
    assert is_equal == (said.verdict == "same"), said


def _real(output: Tensor, texts: State) -> Tensor:
    tokens = texts.get("target", texts.get("source"))
    assert tokens is not None
    return output if output.dim() == 2 else output[tokens != 0]


def the_map_makes_all(
    after: CompiledPackage,
    said: CheckpointDifference,
    found: Transfer,
    folder: Path,
    old: nn.Module,
    new: nn.Module,
) -> None:
    path = folder / "map.yaml"
    path.write_text(said.map, encoding="utf-8")
    given = {name: each.float() for name, each in old.state_dict().items()}
    imported = import_weights(list(named_parameters(after.model)), given, path)
    new.load_state_dict(imported)
    expected = moved(imported, given, found.moves)
    assert all(torch.equal(each, expected[name]) for name, each in imported.items())
    assert {each.tensor for each in found.left} | {m.source.tensor for m in found.moves} >= set(
        given
    )
