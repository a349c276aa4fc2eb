"""A model disguised as another, and brought back by a map: nothing may be lost on the way."""

import random
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from compiler.pipeline import CompiledPackage, compile_spec
from compiler.weights.assignment import parts
from compiler.weights.parameters import NamedParameter, named_parameters
from runtime.weights.importing import import_weights
from tests.support.knobs import Tree
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs

Tensors = dict[str, Tensor]
Value = str | list[str]
MORE = ".with_more"
"""The end of the name of a tensor of which a part is not needed."""


@settings(max_examples=40)
@given(tree=specs(), seed=st.integers(0, 2**20))
def test_a_disguised_model_comes_back(tree: Tree, seed: int, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    model = new_model(package, tmp_path)
    draw, theirs, lines = random.Random(seed), Tensors(), dict[str, Value]()
    for parameter in named_parameters(package.model):
        for target, tensor in pieces(parameter, model.state_dict()[parameter.name], draw):
            lines[target] = disguised(f"their.{target}".replace("[", "."), tensor, theirs, draw)
    path = tmp_path / "map.yaml"
    needless = {"ignore": [f"*{MORE}"]} if any(name.endswith(MORE) for name in theirs) else {}
    text = yaml.safe_dump({"tensors": lines, **needless}, width=1000)
    path.write_text(text, encoding="utf-8")
    back = import_weights(list(named_parameters(package.model)), theirs, path)
    assert back.keys() == model.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in model.state_dict().items())


def new_model(package: CompiledPackage, folder: Path) -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = import_package(package, folder).Model().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def pieces(
    parameter: NamedParameter, tensor: Tensor, draw: random.Random
) -> list[tuple[str, Tensor]]:
    """All of a parameter, or its slices."""
    if draw.random() < 0.5:
        return [(parameter.name, tensor)]
    named = list(parts(parameter))
    rows = torch.split(tensor, [shape[0] for _, shape in named])
    return [(name, part) for (name, _), part in zip(named, rows, strict=True)]


def disguised(name: str, tensor: Tensor, theirs: Tensors, draw: random.Random) -> Value:
    """Puts a tensor into another model in some form; the expression that takes it out again."""
    name = name.rstrip("]")
    junk = torch.randn_like(tensor)
    match draw.randrange(8):
        case 0 if tensor.dim() == 2:
            theirs[name] = tensor.T.contiguous()
            return f"{name}.T"
        case 1 if len(tensor) > 1:
            cut = draw.randrange(1, len(tensor))
            theirs |= {f"{name}.a": tensor[:cut], f"{name}.b": tensor[cut:]}
            return [f"{name}.a", f"{name}.b"]
        case 2 if tensor.dim() == 2:
            theirs[f"{name}{MORE}"] = torch.cat([tensor, junk], dim=1)
            return f"{name}{MORE}[:, 0:{tensor.size(1)}]"
        case 3:
            theirs[f"{name}{MORE}"] = torch.cat([junk, tensor])
            return draw.choice([f"{name}{MORE}[{len(tensor)}:]", f"split({name}{MORE}, 2)[1]"])
        case 4:
            theirs[f"{name}{MORE}"] = torch.stack([junk, junk, tensor, junk])
            return f"{name}{MORE}[2]"
        case 5:
            theirs |= {f"{name}.half": tensor / 2, f"{name}.eighth": tensor / 8}
            return f"4 * {name}.half - {name}.eighth * 8"
        case 6 if len(tensor) % 2 == 0:
            theirs[name] = torch.stack([tensor[::2], tensor[1::2]]).flatten(0, 1)
            return f"halves_to_pairs({name}, 1)"
        case _:
            theirs[name] = tensor
            return name


@pytest.mark.quick
def test_placeholders_reach_every_layer(tmp_path: Path) -> None:
    """A model of three kinds of layers whose numbers the other counts from 1."""
    package = compile_spec("demo", ["model.encoder.layers=3", "model.d_model=32"])
    model = new_model(package, tmp_path)
    theirs = {their_name(name): tensor for name, tensor in model.state_dict().items()}
    path = tmp_path / "map.yaml"
    path.write_text(
        "tensors:\n"
        "  embedding.weight: table\n"
        "  '{stack}.norm.{kind}': '{stack}_norm_{kind}'\n"
        "  '{stack}.layers.{n}.{part}.{kind}': '{stack}_l{n+1}_{part}_{kind}'\n"
        "  '{stack}.layers.{n}.{part}.{map}.{kind}': '{stack}_l{n+1}_{part}_{map}_{kind}'\n"
    )
    back = import_weights(list(named_parameters(package.model)), theirs, path)
    assert all(torch.equal(back[name], tensor) for name, tensor in model.state_dict().items())


def their_name(name: str) -> str:
    if name == "embedding.weight":
        return "table"
    stack, *rest = name.split(".")
    if rest[0] == "layers":
        rest = [f"l{int(rest[1]) + 1}", *rest[2:]]
    return "_".join([stack, *rest])


@pytest.mark.quick
def test_a_stack_of_layers_is_taken_apart(tmp_path: Path) -> None:
    theirs = {"kernels": torch.randn(3, 4, 5)}
    path = tmp_path / "map.yaml"
    path.write_text("tensors:\n  layers.{n}.weight: kernels[{n}].T\n")
    ours = [NamedParameter(name=f"layers.{n}.weight", shape=(5, 4)) for n in range(3)]
    back = import_weights(ours, theirs, path)
    assert torch.equal(torch.stack(list(back.values())), theirs["kernels"].transpose(1, 2))
