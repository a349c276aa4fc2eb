"""Parameters start as the ops say: the distributions of the IR against those of real tensors."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.ir.block import Block, Repeat
from compiler.ops.expression import Binary, Call, Const, Expression, Hyperparameter, Name
from compiler.ops.parameter import Initial, Parameter
from compiler.ops.shape import size
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

WIDTH = 64


def tree(initialization: object, place: str = "post") -> dict[str, Any]:
    return {
        "name": "start",
        "model": {
            "d_model": WIDTH,
            "vocabulary": {"shared": False, "source": 300, "target": 200},
            "embedding": {"tied": "none", "position": {"kind": "learned", "max_length": 300}},
            "attention": {"heads": 4, "d_k": 8, "d_v": 32, "bias": True},
            "feed_forward": {"d_ff": 96},
            "initialization": initialization,
            "norm": {"place": place},
            "output": {"bias": True},
            "encoder": {"layers": 1},
            "decoder": {"layers": 1},
        },
        "data": {each: {"source": "a", "target": "b"} for each in ("train", "valid", "test")},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


@pytest.mark.parametrize("place", ["post", "deep"])
@pytest.mark.parametrize(
    "initialization",
    [
        "xavier",
        {"kind": "xavier", "gain": 0.5},
        "fairseq",
        {"kind": "normal", "std": 0.3},
        {"kind": "scaled", "std": 0.3},
    ],
    ids=str,
)
def test_tensors_start_as_the_ops_say(initialization: object, place: str, tmp_path: Path) -> None:
    tensors_start_as_the_ops_say(tree(initialization, place), tmp_path)


def test_tensors_of_two_widths_start_as_the_ops_say(tmp_path: Path) -> None:
    settings = tree("xavier")
    settings["model"]["encoder"] |= {"d_model": 2 * WIDTH}
    tensors_start_as_the_ops_say(settings, tmp_path)


def tensors_start_as_the_ops_say(settings: dict[str, Any], tmp_path: Path) -> None:
    package = compile_tree(settings, tmp_path)
    torch.manual_seed(0)
    real = dict(import_package(package, tmp_path).Model().named_parameters())
    promised = dict(_parameters(package.model, ""))
    assert promised.keys() == real.keys()
    for name, (parameter, rows) in promised.items():
        gains = [_value(gain) for gain in parameter.gains] or [1.0] * len(rows)
        for part, gain in zip(torch.split(real[name].detach(), rows), gains, strict=True):
            starts_as(parameter.initial, part, gain, name)


def test_what_is_added_to_a_stream_starts_smaller(tmp_path: Path) -> None:
    """By the root of the additions: two in a layer of the encoder, three in one of the decoder."""
    settings = tree({"kind": "scaled", "std": 0.3})
    settings["model"] |= {"encoder": {}, "decoder": {"layers": 2}}
    settings["model"]["encoder"]["layers"] = [{"repeat": 4}, {"dropout": 0.1}]
    model = import_package(compile_tree(settings, tmp_path), tmp_path).Model()
    deviations = {"encoder": 0.3 / 10**0.5, "decoder": 0.3 / 6**0.5}
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            stack, is_output = name.partition(".")[0], name.endswith(".output.weight")
            expected = deviations[stack] if is_output else 0.3
            assert parameter.std().item() == pytest.approx(expected, rel=0.1), name


def starts_as(initial: Initial, part: Tensor, gain: float, name: str) -> None:
    """Uniform within the bound of Glorot and Bengio (2010), equation 16; or the right deviation."""
    if initial.kind in ("zeros", "ones"):
        assert torch.all(part == (initial.kind == "ones")), name
        return
    if initial.kind in ("identity", "indicator"):
        is_whole = initial.kind == "identity"
        eye = torch.eye(math.isqrt(len(part)) if is_whole else len(part))
        assert torch.equal(part, eye.flatten() if is_whole else eye[int(_value(initial.scale))])
        return
    if initial.kind == "constant":
        torch.testing.assert_close(part, torch.full_like(part, _value(initial.scale)))
        return
    if initial.kind == "log_counts":
        torch.testing.assert_close(part.exp(), torch.arange(1.0, len(part) + 1.0))
        return
    if initial.kind == "log_steps":
        steps = torch.nn.functional.softplus(part)
        assert torch.all((steps > 0.9e-3) & (steps < 0.11)), name
        return
    if initial.kind == "xavier":
        bound = gain * _value(initial.scale) * (6 / sum(part.shape)) ** 0.5
        assert part.abs().max() <= bound, name
        assert part.abs().max() > 0.9 * bound, name
        assert part.std().item() == pytest.approx(bound / 3**0.5, rel=0.1), name
        return
    filled = part[part.any(1)]
    assert len(part) - len(filled) <= 1, "only padding starts at zero"
    assert filled.std().item() == pytest.approx(gain * _value(initial.scale), rel=0.1), name


def _parameters(block: Block, path: str) -> Iterator[tuple[str, tuple[Parameter, list[int]]]]:
    """Names of tensors with what the op says, and the rows of the parts that start separately."""
    for name, part in block.parts:
        if isinstance(part, Repeat):
            yield from _parameters(part.block, f"{path}{name}.0.")
        elif isinstance(part, Block):
            yield from _parameters(part, f"{path}{name}.")
        else:
            outputs = getattr(part, "outputs", ())
            for each in part.parameters():
                rows = [size(width, {}) for _, width in outputs] or [size(each.shape[0], {})]
                yield f"{path}{name}.{each.name}".rstrip("."), (each, rows)


def _value(expression: Expression) -> float:
    match expression:
        case Const(value=value) | Hyperparameter(value=value):
            return float(value)
        case Binary(left=left, operator="**", right=right):
            return float(_value(left) ** _value(right))
        case Binary(left=left, operator="/", right=right):
            return _value(left) / _value(right)
        case Binary(left=left, operator="*", right=right):
            return _value(left) * _value(right)
        case Call(function=Name(text="math.sqrt"), arguments=(argument,)):
            return float(_value(argument) ** 0.5)
        case _:
            raise AssertionError(expression)
