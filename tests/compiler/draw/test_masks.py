"""Matrices of masks, and receptive fields layer by layer."""

import re

import pytest

from compiler.draw.drawing import read_drawing
from compiler.draw.mask_picture import MARGIN, mask_svg, receptive_field_svg
from compiler.draw.matrix import cell_width, most_read, receptive_fields, shares
from compiler.ir.block import Block
from compiler.mask.parse import parse, primitives_of
from compiler.mask.relation import positions
from compiler.page.svg import text_width
from compiler.spec.load import load

pytestmark = pytest.mark.quick


def test_a_matrix_is_the_mask() -> None:
    found = shares(parse("causal & (window(2) | first(1))"), 6, 1)
    assert found == tuple(
        tuple(float(j <= i and (i - j <= 2 or j < 1)) for j in range(6)) for i in range(6)
    )


@pytest.mark.parametrize("width", [2, 3, 8])
def test_wide_cells_have_the_share_of_pairs_that_are_read(width: int) -> None:
    reads = parse("causal & window(5)").predicate
    for row, shades in enumerate(shares(parse("causal & window(5)"), 4, width)):
        for column, shade in enumerate(shades):
            pairs = [
                reads(row * width + a, column * width + b)
                for a in range(width)
                for b in range(width)
            ]
            assert shade == sum(pairs) / width**2


def test_the_edges_of_large_masks_are_seen() -> None:
    for text in ("causal & window(300)", "window(left=100, right=7)", "first(1000) | window(0)"):
        mask = parse(text)
        found = shares(mask, 12, cell_width([mask], 12))
        assert {0.0, 1.0} <= {round(each, 6) for row in found for each in row}, text


def test_receptive_fields_grow_by_the_window_in_each_layer() -> None:
    settings = ["model.decoder.self_attention.mask=causal & window(3)", "model.decoder.layers=3"]
    stack = read_drawing(load("demo", settings)).model.part("decoder")
    assert isinstance(stack, Block)
    fields = receptive_fields(stack, 20)
    assert [most_read(each) for each in fields] == [4, 7, 10]
    assert positions(fields[1][12]) == list(range(6, 13))


def test_a_recurrence_reads_all_before_it() -> None:
    stack = read_drawing(load("lstm")).model.part("decoder")
    assert isinstance(stack, Block)
    assert [most_read(each) for each in receptive_fields(stack, 9)] == [9, 9]


@pytest.mark.parametrize("text", ["causal", "~window(1) | window(0)", "all", "last(3)"])
def test_all_masks_can_be_drawn(text: str) -> None:
    drawn = mask_svg(text)
    assert drawn.startswith("<svg")
    assert drawn.count("<rect") > 2


@pytest.mark.parametrize(
    ("written", "operands"),
    [
        ("causal & (window(4) | first(2))", ["causal", "window(4)", "first(2)"]),
        ("~ window ( left = 1,right=2 )|all", ["window ( left = 1,right=2 )", "all"]),
        ("((causal))", ["causal"]),
    ],
)
def test_the_primitives_of_a_mask_are_those_that_are_parsed(
    written: str, operands: list[str]
) -> None:
    found = primitives_of(written)
    assert [written[each.start : each.end] for each in found] == operands
    assert [each.mask for each in found] == [parse(each) for each in operands]


def test_boxes_that_share_weights_name_the_box_that_has_them() -> None:
    nodes = read_drawing(load("transformer-base")).diagram.by_id
    shared = {words for each in nodes.values() for words in each.lines if "shares" in words}
    assert shared == {"shares the weights of Input Embedding"}


def test_the_words_below_the_last_receptive_field_end_before_the_margin() -> None:
    """The last panel stands for several layers, so that its words are wider than it."""
    settings = ["model.encoder.layers=12", "model.encoder.self_attention.mask=window(3)"]
    svg = receptive_field_svg(read_drawing(load("demo", settings)).model, "demo")
    width = float(re.findall(r'width="([\d.]+)"', svg)[0])
    texts = re.findall(r'<text x="([\d.]+)" y="[\d.]+"[^>]*font-size="11"[^>]*>([^<]+)</text>', svg)
    assert any(words.startswith("layers 5 to 12: up to 16") for _, words in texts)
    assert all(float(x) + text_width(words, 11) + MARGIN <= width + 0.1 for x, words in texts)


def test_boxes_that_share_the_weights_of_one_of_several_linear_maps_say_of_which() -> None:
    nodes = read_drawing(load("albert")).diagram.nodes
    shared = {words for each in nodes for words in each.lines if "Linear" in words}
    assert shared == {"shares the weights of Linear above Input Embedding"}


def test_a_mask_that_reads_nothing_says_so() -> None:
    svg = mask_svg("causal & ~causal")
    assert "No position reads any position." in svg
    assert "As a predicate" not in svg
    assert "As a predicate" in mask_svg("causal")


@pytest.mark.parametrize("mark", [" & ", " | "])
def test_long_masks_are_wrapped(mark: str) -> None:
    """Titles and normal forms: nothing leaves a picture that is no wider than a page."""
    svg = mask_svg(mark.join(f"~window({2 * number})" for number in range(40)))
    width, height = (float(each) for each in re.findall(r'(?:width|height)="([\d.]+)"', svg)[:2])
    assert width < 1000
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"([^>]*)>([^<]+)</text>', svg)
    titles = [each for each in found if "bold" in each[2]]
    assert len(titles) > 3
    for x, _, _, words in titles:
        plain = words.replace("&amp;", "&")
        assert float(x) + text_width(plain, 17, bold=True) + MARGIN <= width + 0.1
    assert all(float(each[1]) < height for each in found)
