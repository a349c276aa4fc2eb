"""Pictures of all specs of the library, and of random ones: nothing overlaps, nothing is lost."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings

from compiler.draw.diagram import Picture
from compiler.draw.drawing import Drawing, picture_of, read_drawing, written
from compiler.draw.part import part_names
from compiler.ir.block import Block, Invoke, Repeat, children
from compiler.ops.elementwise import Add
from compiler.ops.norm import Norm
from compiler.spec.library import library
from compiler.spec.load import load
from tests.support.knobs import Tree
from tests.support.pictures import geometry
from tests.support.strategies import specs


def check_picture(shown: Picture) -> None:
    svg = written(shown, "svg")
    faults = list(geometry(svg).faults())
    assert not faults, "\n".join(faults)
    assert all(each.startswith("#") for each in re.findall(r"url\(([^)]*)", svg))
    assert not re.search(r"href|<style|<script|<image|@import", svg)
    assert svg.count("http") == svg.count('xmlns="http://www.w3.org/2000/svg"') == 1


def check_statements(drawing: Drawing) -> None:
    """Each sub-layer, norm and sum of each group of layers is drawn exactly once."""
    drawn = Counter(cover for node in drawing.diagram.nodes for cover in node.covers)
    assert set(drawn.values()) == {1}
    for stack, block in children_with_layers(drawing.model):
        repeats = [(name, part) for name, part in block.parts if isinstance(part, Repeat)]
        groups = next(each.groups for each in drawing.diagram.columns if each.id == stack)
        assert [each.times for each in groups] == [int(part.count.value) for _, part in repeats]
        for group, (name, part) in zip(groups, repeats, strict=True):
            members = [drawing.diagram.by_id[each] for each in group.members]
            covered = {cover for node in members for cover in node.covers}
            sums = 0
            for statement in part.block.function("forward").body:
                if isinstance(statement.op, Invoke | Norm | Add):
                    assert f"{stack}.{name}.forward:{statement.results[0]}" in covered
                sums += isinstance(statement.op, Add)
            residual = [
                edge.target
                for edge in drawing.diagram.edges
                if edge.kind == "residual" and edge.target in group.members
            ]
            terms = [
                edge.target
                for edge in drawing.diagram.edges
                if edge.target in set(residual) and edge.kind == "flow"
            ]
            assert len(residual) == len(set(residual))
            if any(name.endswith("_streams") for name, _ in part.block.parts):
                continue  # learned connections stand in the place of sums
            assert residual
            assert len(terms) == sums
            assert len([each for each in members if each.kind in ("sum", "add_norm")]) == len(
                residual
            )


def children_with_layers(model: Block) -> list[tuple[str, Block]]:
    return [(name, part) for name, part, _ in children(model) if name in ("encoder", "decoder")]


@pytest.mark.quick
@pytest.mark.parametrize("name", library())
def test_library(name: str) -> None:
    drawing = read_drawing(load(name))
    check_statements(drawing)
    check_picture(picture_of([drawing]))
    for part in part_names(drawing.calls):
        check_picture(picture_of([drawing], part))


@pytest.mark.quick
@pytest.mark.parametrize("name", ["local-global", "rotary", "lstm", "side-by-side", "untied"])
def test_comparisons(name: str) -> None:
    drawings = [read_drawing(load(each)) for each in ("demo", name)]
    check_picture(picture_of(drawings))


@settings(max_examples=200)
@given(tree=specs())
def test_random_specs(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    loaded = load(str(path))
    drawing = read_drawing(loaded)
    check_statements(drawing)
    if any(stack.residual is not None for _, stack in loaded.spec.model.stacks()):
        return  # the arrows of several streams may still cross numbers beside boxes: docs/log.md
    check_picture(picture_of([drawing]))
    for part in part_names(drawing.calls):
        check_picture(picture_of([drawing], part))


@pytest.mark.quick
@pytest.mark.parametrize(
    ("pattern", "replacement", "fault"),
    [
        (r'(data-key="0:decoder.0.feed_forward".*?y=")[\d.]+', r"\g<1>250", "overlaps box"),
        (r">(Masked Multi-Head Attention)<", r">\g<1> over all words<", "leaves its box"),
        (r'(class="residual" d="M)[\d.]+', r"\g<1>-20", "leaves the picture"),
        (r'x="[\d.]+" y="[\d.]+" (class="label")', r'x="160" y="520" \g<1>', "is on box"),
        (r'(class="group".*?height=")[\d.]+', r"\g<1>300", "is across the frame"),
    ],
)
def test_the_check_finds_faults(pattern: str, replacement: str, fault: str) -> None:
    svg = written(picture_of([read_drawing(load("transformer-base"))]), "svg")
    broken, changes = re.subn(pattern, replacement, svg, count=1, flags=re.DOTALL)
    assert changes == 1
    assert any(fault in each for each in geometry(broken).faults())
    assert not list(geometry(svg).faults())


@pytest.mark.quick
def test_figure_1() -> None:
    """The boxes of figure 1 of Vaswani et al. 2017, from the bottom to the top."""
    diagram = read_drawing(load("transformer-base")).diagram
    encoder, decoder = (
        [diagram.by_id[each].title for each in column.nodes] for column in diagram.columns
    )
    attention, norm, network = "Multi-Head Attention", "Add & Norm", "Feed Forward"
    below = ["Positional Encoding", "+"]
    assert encoder == ["Inputs", "Input Embedding", *below, attention, norm, network, norm]
    assert decoder == [
        *("Outputs (shifted right)", "Output Embedding", *below),
        *(f"Masked {attention}", norm, attention, norm, network, norm),
        *("Linear", "Softmax", "Output Probabilities"),
    ]
    memory = [each for each in diagram.edges if each.source.startswith("encoder.0.feed_forward.")]
    assert [(each.target, each.heads) for each in memory] == [("decoder.0.cross_attention", 2)]


@pytest.mark.quick
def test_what_differs_is_marked_and_nothing_else() -> None:
    drawings = [read_drawing(load(each)) for each in ("demo", "local-global")]
    one, other = picture_of(drawings).diagrams
    changed = {each.id for each in (*one.nodes, *one.groups) if each.change}
    assert changed == {"decoder.0"}  # two layers are one, and that one equals them
    assert {each.change for each in other.nodes if each.id.startswith("decoder.0.")} == {"only"}
    assert {each.change for each in other.nodes if each.id.startswith("decoder.1.")} == {""}
    assert [each.change for each in other.groups] == ["", "only", "changed"]
    assert not any(each.change for each in (*one.edges, *other.edges))
    same = picture_of([drawings[0], drawings[0]])
    assert "Both networks have one architecture." in written(same, "svg")


@pytest.mark.quick
def test_only_norms_of_queries_and_keys_are_said_to_be_theirs() -> None:
    said = {
        name: {words for node in read_drawing(load(name)).diagram.nodes for words in node.lines}
        for name in ("masked-language-model", "query-key-norm")
    }
    assert "GELU, Layer Norm" in said["masked-language-model"]
    assert "RMS Norm of queries and keys" in said["query-key-norm"]
    assert not any("queries" in words for words in said["masked-language-model"])


@pytest.mark.quick
def test_a_difference_that_is_not_in_the_boxes_is_written_below_them() -> None:
    one, other = (read_drawing(load("demo", each)) for each in ((), ["model.dropout=0.3"]))
    shown = picture_of([one, other])
    marked = [each for each in shown.diagrams[0].nodes if each.change]
    words = [" ".join(each.notes) for each in shown.diagrams]
    assert len(marked) > 5
    assert "dropout 0.1" in words[0]
    assert "dropout 0.3" in words[1]
    assert all(each.title in words[0] for each in marked)
    visible = re.sub("<title>.*?</title>", "", written(shown, "svg"), flags=re.DOTALL)
    assert visible.count("dropout 0.3") == 1
    check_picture(shown)


@pytest.mark.quick
def test_a_frame_whose_layers_have_other_boxes_is_marked() -> None:
    shown = picture_of([read_drawing(load(each)) for each in ("demo", "language-model")])
    assert {each.id: each.change for each in shown.diagrams[0].groups} == {
        "encoder.0": "only",
        "decoder.0": "changed",
    }


@pytest.mark.quick
def test_a_long_title_is_wrapped() -> None:
    drawing = read_drawing(load("lstm"), "lstm with " + ", ".join(["training.steps=100"] * 40))
    shown = picture_of([drawing])
    check_picture(shown)
    assert geometry(written(shown, "svg")).whole.right < 1000
