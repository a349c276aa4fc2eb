"""What must hold for any valid spec: the promises of the compiler, tried on real tensors."""

import ast
import importlib
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.optim import Optimizer

from compiler.analysis.cost import count_parameters
from compiler.analysis.infer_shapes import ANY, output_shapes
from compiler.ir.block import Block
from compiler.ops.shape import size
from compiler.pipeline import compile_spec
from compiler.weights.parameters import named_parameters
from runtime.data.symbols import BEGIN
from tests.support.knobs import DRAWN, KNOBS, Tree
from tests.support.packages import compile_tree, import_package
from tests.support.strategies import specs

pytestmark = pytest.mark.usefixtures("exact")

EXAMPLES = 60
ASKED = 10
BATCH, SOURCE, TARGET = 3, 5, 7
PROMPT = 3
LENGTHS = {"source": SOURCE, "segments": SOURCE, "target": TARGET}
Texts = dict[str, Tensor]


@settings(max_examples=EXAMPLES)
@given(tree=specs())
def test_a_random_spec_keeps_all_promises(tree: Tree, tmp_path: Path) -> None:
    keeps_all_promises(tree, tmp_path)


def test_values_that_chance_has_missed_are_asked_for(tmp_path: Path) -> None:
    for knob, value in missing():
        ask_for(knob, value, tmp_path)
    assert not missing()


def missing() -> list[tuple[str, Any]]:
    """The values of knobs that no spec has been drawn with."""
    every = [(knob, value) for knob, values in KNOBS.items() for value in values]
    return [(knob, value) for knob, value in every if DRAWN[knob][str(value)] == 0]


def ask_for(knob: str, value: object, folder: Path) -> None:
    """Tries the first specs that have the value: in most, what it belongs to is there."""
    tried = 0

    @settings(max_examples=ASKED)
    @given(tree=specs(asked=(knob, value)))
    def keep(tree: Tree) -> None:
        nonlocal tried
        if DRAWN[knob][str(value)] > tried:
            tried = DRAWN[knob][str(value)]
            keeps_all_promises(tree, folder)

    keep()


def keeps_all_promises(tree: Tree, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    imports_only_torch_and_the_standard_library(package.files["model.py"])
    key_order_does_not_matter(tree, package.files, tmp_path)
    the_lock_says_the_same(package.files, tmp_path)
    torch.manual_seed(0)
    module = import_package(package, tmp_path)
    model = module.Model().eval()
    parameters_are_as_inferred(package.model, model)
    training = importlib.import_module(f"{module.__name__}.training")
    weights_decay_as_inferred(package.model, training.optimizer(model), model)
    rows = [each for each in tree["model"]["vocabulary"].values() if not isinstance(each, bool)]
    texts = {
        each.name: torch.randint(1, rows[-(each.name == "target")], (BATCH, LENGTHS[each.name]))
        for each in package.model.function("features").inputs
    }
    if "segments" in texts:
        texts["segments"] = texts["segments"] % 2
    shapes_are_as_inferred(package.model, model, texts)
    if "target" in texts:
        no_position_reads_a_later_one(model, texts, rows[-1])
        gradients_do_not_come_from_later_positions(model, texts)
    with torch.no_grad():
        padding_and_other_sentences_change_nothing(model, texts)
        if "target" in texts:
            cached_is_uncached(model, texts, rows[-1])
            for prompt in (1, PROMPT):
                cached_is_uncached(model, texts, rows[-1], prompt)
        if tree["model"].get("documents") == "apart":
            documents_are_as_they_are_alone(model, texts["target"])


def documents_are_as_they_are_alone(model: nn.Module, tokens: Tensor) -> None:
    """Each text gets its second document at another place."""
    one_document = torch.where(tokens == BEGIN, BEGIN + 1, tokens)
    for row, text in enumerate(one_document):
        cut = 1 + row % (len(text) - 1)
        text[cut] = BEGIN
        logits = model(text[None])[0]
        for own in (slice(0, cut), slice(cut, None)):
            torch.testing.assert_close(logits[own], model(text[None, own])[0])


def imports_only_torch_and_the_standard_library(text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            assert name.split(".")[0] in {"torch", *sys.stdlib_module_names}


def key_order_does_not_matter(tree: Tree, files: dict[str, str], folder: Path) -> None:
    assert compile_tree(_shuffled(tree, random.Random(1)), folder).files == files


def the_lock_says_the_same(files: dict[str, str], folder: Path) -> None:
    path = folder / "spec.lock.yaml"
    path.write_text(files["spec.lock.yaml"])
    assert compile_spec(str(path)).files == files


def _shuffled(tree: object, order: random.Random) -> object:
    if not isinstance(tree, dict):
        return tree
    keys = list(tree)
    order.shuffle(keys)
    return {key: _shuffled(tree[key], order) for key in keys}


def parameters_are_as_inferred(block: Block, model: nn.Module) -> None:
    inferred = {each.name: each.shape for each in named_parameters(block)}
    real = {name: tuple(each.shape) for name, each in model.named_parameters()}
    assert inferred == real
    assert count_parameters(block) == sum(each.numel() for each in model.parameters())


def weights_decay_as_inferred(block: Block, optimizer: Optimizer, model: nn.Module) -> None:
    """Each parameter is in one group, which decays if the IR says so and any does."""
    names = {id(each): name for name, each in model.named_parameters()}
    decays = {
        names[id(each)]: group.get("weight_decay", 0.0) > 0
        for group in optimizer.param_groups
        for each in group["params"]
    }
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)
    inferred = {each.name: each.decays for each in named_parameters(block)}
    assert decays == (inferred if any(decays.values()) else dict.fromkeys(inferred, False))


def shapes_are_as_inferred(block: Block, model: nn.Module, texts: Texts) -> None:
    lengths = {"batch": BATCH, **LENGTHS}
    for name in ("features", "forward"):
        (shape,) = output_shapes(block, block.function(name))
        inferred = tuple(size(each, lengths) for each in shape if each != ANY)
        assert getattr(model, name)(*texts.values()).shape[-len(inferred) :] == inferred


def no_position_reads_a_later_one(model: nn.Module, texts: Texts, rows: int) -> None:
    with torch.no_grad():
        expected = model(*texts.values())
        for position in range(1, TARGET):
            changed = texts["target"].clone()
            changed[:, position:] = 1 + changed[:, position:] % (rows - 1)
            got = model(*{**texts, "target": changed}.values())
            assert_close(got[:, :position], expected[:, :position])


def gradients_do_not_come_from_later_positions(model: nn.Module, texts: Texts) -> None:
    embedded: list[Tensor] = []
    table = getattr(model, "embedding", None) or model.target_embedding
    handle = table.register_forward_hook(lambda _, __, output: embedded.append(output))
    features = model.features(*texts.values())
    handle.remove()
    weights = torch.randn(features.size(-1))
    for position in range(TARGET):
        loss = (features[:, position] @ weights).sum()
        (gradient,) = torch.autograd.grad(loss, embedded[-1], retain_graph=True)
        assert not gradient[:, position + 1 :].any()
        assert gradient[:, position].any()


def assert_close(got: Tensor, expected: Tensor) -> None:
    """Within 1e-5 of the largest number: without norms a network's numbers may be large."""
    largest = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(got, expected, atol=1e-5 * largest, rtol=1e-4)


def padding_and_other_sentences_change_nothing(model: nn.Module, texts: Texts) -> None:
    expected = model.features(*texts.values())
    padding = torch.zeros(BATCH, 3, dtype=torch.long)
    padded = model.features(*(torch.cat((each, padding), 1) for each in texts.values()))
    if expected.dim() == 3:
        padded = padded[:, : expected.size(1)]
    assert_close(padded, expected)
    for row in range(BATCH):
        alone = model.features(*(each[row : row + 1] for each in texts.values()))
        assert_close(alone[0], expected[row])


def cached_is_uncached(model: nn.Module, texts: Texts, rows: int, prompt: int = 0) -> None:
    """Beams of changing size, with parents at random, and a sentence that leaves half-way.

    The first `prompt` tokens of each sentence are read at once.
    """
    others = {name: each for name, each in texts.items() if name != "target"}
    state = model.start(*others.values() or (texts["target"],))
    prefix = torch.randint(1, rows, (BATCH, 1, prompt))
    if prompt:
        expected = model.features(*others.values(), prefix[:, 0])
        assert_close(model.prefill(prefix[:, 0], state), expected)
    for position, beam in enumerate((2, 3, 1, 2)):
        parent = torch.randint(0, prefix.size(1), (prefix.size(0), beam))
        token = torch.randint(1, rows, (prefix.size(0), beam))
        prefix = prefix.gather(1, parent.unsqueeze(2).expand(-1, -1, prompt + position))
        prefix = torch.cat((prefix, token.unsqueeze(2)), dim=2)
        got = model.step(token, parent, state)
        for index in range(beam):
            expected = model.features(*others.values(), prefix[:, index])[:, -1]
            assert_close(got[:, index], expected)
        if position == 1:
            kept = torch.tensor([2, 0])
            state.keep(kept)
            others, prefix = {name: each[kept] for name, each in others.items()}, prefix[kept]
