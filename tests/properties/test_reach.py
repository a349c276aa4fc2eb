"""What the compiler proves about reading, against what gradients show on the real network.

An independent oracle: masks by the plain definitions of `tests/support/masks.py`, and networks
drawn at random.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from compiler.analysis.dependence import Domain, dependence, dependence_of
from compiler.mask.mask import CAUSAL, Mask
from compiler.mask.parse import parse
from compiler.mask.relation import Rows, composed, identity, rows
from compiler.pipeline import CompiledPackage, compile_spec, passes
from compiler.source.diagnostic import Rejected
from tests.support.knobs import Tree
from tests.support.masks import ENDLESS, Written, causal_masks, masks, primitives
from tests.support.packages import compile_tree, import_package

CI, LONG = 200, 2000
LENGTH = 9
ROWS = 11


@dataclass(frozen=True, slots=True)
class Relations(Domain[Rows]):
    """The exact relations, for streams of `length` positions."""

    length: int

    def here(self) -> Rows:
        return identity(self.length)

    def of(self, mask: Mask) -> Rows | None:
        return rows(mask, self.length)

    def along(self, outer: Rows, inner: Rows) -> Rows:
        return composed(outer, inner)

    def either(self, one: Rows, other: Rows) -> Rows:
        return tuple(a | b for a, b in zip(one, other, strict=True))


def network(draw: st.DrawFn, **own: Any) -> Tree:
    """A small network of any depth and norm, with the masks that are given."""
    files = {"source": "a", "target": "b"}
    layers = st.integers(1, 3)
    place = {name: {"mask": mask.text} for name, mask in own.items()}
    return {
        "name": "seen",
        "model": {
            "d_model": 8,
            "vocabulary": {"size": ROWS},
            "attention": {"heads": draw(st.sampled_from([1, 2]))},
            "norm": {"place": draw(st.sampled_from(["pre", "post"]))},
            "feed_forward": {"d_ff": 8},
            "encoder": {"layers": draw(layers), "self_attention": place["encoder"]},
            "decoder": {
                "layers": draw(layers),
                "self_attention": place["decoder"],
                "cross_attention": place["cross"],
            },
        },
        "data": {**{part: {**files} for part in ("train", "valid", "test")}, "max_length": 100},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }


def with_itself(mask: Written) -> Written:
    return Written(f"({mask.text}) | window(0)", lambda i, j, n: mask.reads(i, j, n) or i == j)


@st.composite
def networks(draw: st.DrawFn) -> Tree:
    """Valid ones: a causal decoder, and nothing that reads nothing."""
    return network(
        draw,
        encoder=with_itself(draw(masks())),
        decoder=draw(causal_masks()),
        cross=draw(masks().map(with_itself).filter(lambda each: parse(each.text) != CAUSAL)),
    )


def seen(model: nn.Module, source: Tensor, target: Tensor, stream: str) -> list[list[int]]:
    """For each position of the features, the positions of a stream with a gradient."""
    embedded: list[Tensor] = []
    handle = model.embedding.register_forward_hook(lambda _, __, output: embedded.append(output))
    features = model.features(source, target)
    handle.remove()
    table = embedded[0 if stream == "source" else -1]
    weights, found = torch.randn(features.size(-1)), []
    for i in range(features.size(1)):
        (gradient,) = torch.autograd.grad(features[0, i] @ weights, table, retain_graph=True)
        found.append([j for j in range(table.size(1)) if gradient[0, j].any()])
    return found


def run(package: CompiledPackage, folder: Path) -> dict[str, list[list[int]]]:
    torch.manual_seed(1)
    model = import_package(package, folder).Model().eval()
    source, target = (torch.randint(1, ROWS, (1, LENGTH)) for _ in range(2))
    return {stream: seen(model, source, target, stream) for stream in ("source", "target")}


def check_soundness(package: CompiledPackage, folder: Path) -> None:
    """All that is seen lies within the intervals, and within the exact relation."""
    features = package.model.function("features")
    reach = dependence_of(package.model, features)
    relation = dependence(package.model, features, Relations(LENGTH))
    for stream, seen_rows in run(package, folder).items():
        for i, positions in enumerate(seen_rows):
            for j in positions:
                assert reach[stream].low <= j - i <= reach[stream].high
                assert relation[stream][i] >> j & 1


@settings(max_examples=CI)
@given(tree=networks())
def test_proofs_are_sound(tree: Tree, tmp_path: Path) -> None:
    check_soundness(compile_tree(tree, tmp_path), tmp_path)


@pytest.mark.slow
@settings(max_examples=LONG)
@given(tree=networks())
def test_proofs_are_sound_on_many_networks(tree: Tree, tmp_path: Path) -> None:
    check_soundness(compile_tree(tree, tmp_path), tmp_path)


@st.composite
def single_layers(draw: st.DrawFn) -> tuple[Tree, Written]:
    """One layer each, the encoder by a primitive: what it reads is what the mask says."""
    mask = with_itself(draw(primitives(ENDLESS)))
    causal = Written("causal", lambda i, j, _: j <= i)
    tree = network(draw, encoder=mask, decoder=causal, cross=Written("window(0)", lambda *_: True))
    tree["model"]["encoder"]["layers"] = tree["model"]["decoder"]["layers"] = 1
    return tree, mask


@settings(max_examples=60)
@given(drawn=single_layers())
def test_relations_are_exact_for_primitives(drawn: tuple[Tree, Written], tmp_path: Path) -> None:
    """Position i of the encoder's output, by its gradient."""
    tree, mask = drawn
    package = compile_tree(tree, tmp_path)
    torch.manual_seed(1)
    model = import_package(package, tmp_path).Model().eval()
    source = torch.randint(1, ROWS, (1, LENGTH))
    embedded: list[Tensor] = []
    handle = model.embedding.register_forward_hook(lambda _, __, output: embedded.append(output))
    memory = model.encode(source)
    handle.remove()
    relation = dependence(package.model, package.model.function("encode"), Relations(LENGTH))
    weights = torch.randn(memory.size(-1))
    for i in range(LENGTH):
        (gradient,) = torch.autograd.grad(memory[0, i] @ weights, embedded[0], retain_graph=True)
        read = [j for j in range(LENGTH) if gradient[0, j].any()]
        assert read == [j for j in range(LENGTH) if mask.reads(i, j, LENGTH)]
        assert sum(1 << j for j in read) == relation["source"][i]


@st.composite
def any_decoders(draw: st.DrawFn) -> Tree:
    """Decoders that may see the future, and those that do not."""
    everything = Written("all", lambda *_: True)
    decoder = with_itself(draw(masks(ENDLESS)))
    return network(draw, encoder=everything, decoder=decoder, cross=everything)


def refusals(tree: Tree, folder: Path) -> set[str]:
    """The codes of what is wrong with a spec."""
    try:
        compile_tree(tree, folder)
    except Rejected as rejected:
        return {each.code for each in rejected.diagnostics}
    return set()


@settings(max_examples=CI)
@given(tree=any_decoders())
def test_what_is_refused_does_leak_and_what_is_not_does_not(tree: Tree, tmp_path: Path) -> None:
    """At a length that no small mask outlives; the unproved network is built for comparison."""
    is_refused = refusals(tree, tmp_path) == {"not-causal"}
    unproved = tuple(each for each in passes() if each.__name__ != "prove_causality")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("compiler.pipeline.passes", lambda: unproved)
        package = compile_spec(str(tmp_path / "random.yaml"))
    leaks = any(j > i for i, row in enumerate(run(package, tmp_path)["target"]) for j in row)
    assert leaks == is_refused
