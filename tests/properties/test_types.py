"""A network of any spec that is moved to another type of numbers computes the same in that type."""

from copy import deepcopy
from pathlib import Path

import torch
from hypothesis import given, settings
from torch import Tensor, nn

from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs

EXAMPLES = 40
BATCH, LENGTH = 2, 19


@settings(max_examples=EXAMPLES)
@given(tree=specs())
def test_a_network_of_any_type_computes_in_it(tree: Tree, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    streams = [each.name for each in package.model.function("features").inputs]
    torch.manual_seed(1)
    texts = random_texts(tree, streams)
    model = import_package(package, tmp_path).Model().eval()
    with torch.no_grad():
        doubles_are_right(model, texts)
        halves_stay_halves(deepcopy(model).bfloat16(), texts)


def random_texts(tree: Tree, streams: list[str]) -> dict[str, Tensor]:
    """Tokens of each stream, the last ones of the last text being padding."""
    rows = [each for each in tree["model"]["vocabulary"].values() if not isinstance(each, bool)]
    texts = {each: torch.randint(1, rows[-(each == "target")], (BATCH, LENGTH)) for each in streams}
    if "segments" in texts:
        texts["segments"] = texts["segments"] % 2
    if "source" in texts:
        texts["source"][-1, -3:] = 0
    return texts


def doubles_are_right(model: nn.Module, texts: dict[str, Tensor]) -> None:
    double = deepcopy(model).double()
    for name in ("features", "forward"):
        got, expected = (getattr(each, name)(*texts.values()) for each in (double, model))
        assert got.dtype == torch.float64
        largest = max(1.0, expected.abs().max().item())
        atol = max(1e-5 * largest, 10 * effect_of_rounding(double, name, texts))
        torch.testing.assert_close(got.float(), expected, atol=atol, rtol=1e-4)
    if "target" in texts:
        expected = double.features(*texts.values())
        torch.testing.assert_close(decoded(double, texts), expected, atol=1e-6, rtol=1e-6)


def effect_of_rounding(double: nn.Module, name: str, texts: dict[str, Tensor]) -> float:
    """Return how far results move if weights are off by what float32 cannot tell apart.

    A deep network without norms can amplify that a thousand times.
    """
    rounded = deepcopy(double)
    for each in rounded.parameters():
        each.mul_(1 + torch.finfo(torch.float32).eps / 2 * torch.randn_like(each))
    results = [getattr(each, name)(*texts.values()) for each in (double, rounded)]
    return (results[0] - results[1]).abs().max().item()


def halves_stay_halves(model: nn.Module, texts: dict[str, Tensor]) -> None:
    for training in (False, True):
        model.train(training)
        for result in (model.features(*texts.values()), model(*texts.values())):
            assert result.dtype == torch.bfloat16
            assert result.isfinite().all()
    if "target" in texts:
        assert decoded(model.eval(), texts).dtype == torch.bfloat16


def decoded(model: nn.Module, texts: dict[str, Tensor]) -> Tensor:
    """The features of the target, a step at a time -> [batch, position, d_model]"""
    state = model.start(next(iter(texts.values())))
    parent = torch.zeros(BATCH, 1, dtype=torch.long)
    steps = [model.step(each, parent, state) for each in texts["target"].split(1, dim=1)]
    return torch.cat(steps, dim=1)
