"""Elements of pictures: text is escaped, colours are told apart, widths are those of the fonts."""

import string
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from math import dist
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.page.svg import (
    COLOURS,
    MUTED,
    element,
    escaped,
    fitted,
    mixed,
    number,
    picture,
    text,
    text_width,
)

pytestmark = pytest.mark.quick

FONTS = Path("/usr/share/fonts/truetype/liberation")
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red cones": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "no green cones": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}
"""What becomes of linear red, green and blue (Machado et al. 2009)."""


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3.0, "3"),
        (3.5, "3.5"),
        (1 / 3, "0.33"),
        (0, "0"),
        (-0.001, "0"),
        (-2.5, "-2.5"),
        (-0.5, "-0.5"),
        (100, "100"),
    ],
)
def test_numbers(value: float, written: str) -> None:
    assert number(value) == written


@given(st.text())
def test_any_text_is_valid_xml(words: str) -> None:
    drawn = picture(10, 10, [text(1, 2, words, class_=words)], title=words, description=words)
    read = ElementTree.fromstring(drawn)
    (shown,) = read.iter("{http://www.w3.org/2000/svg}text")
    kept = ElementTree.fromstring(f"<a>{escaped(words)}</a>").text or ""
    assert (shown.text or "") == kept


def test_characters_that_xml_forbids_are_replaced() -> None:
    assert escaped("a\x00<\x1b&") == "a\ufffd&lt;\ufffd&amp;"


def test_attributes() -> None:
    assert element("g", class_="a", stroke_width=1.0, fill="") == '<g class="a" stroke-width="1"/>'
    assert element("g", ["<a/>", "<b/>"]) == "<g><a/><b/></g>"


def test_mixtures_of_colours() -> None:
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"
    assert mixed("#0072b2", "#ffffff", 0) == "#0072b2"
    assert mixed("#0072b2", "#ffffff", 1) == "#ffffff"


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("colours", [COLOURS, MUTED])
def test_colours_differ_for_all_eyes(colours: tuple[str, ...], eyes: str) -> None:
    seen = [perceived(colour, EYES[eyes]) for colour in colours]
    for (one, a), (two, b) in combinations(zip(colours, seen, strict=True), 2):
        assert dist(a, b) > 0.1, (one, two)


def perceived(colour: str, matrix: tuple[tuple[float, ...], ...]) -> list[float]:
    """Red, green and blue from 0 to 1 as eyes see them that lack some cones."""
    linear = [(int(colour[place : place + 2], 16) / 255) ** 2.2 for place in (1, 3, 5)]
    mixture = (sum(a * b for a, b in zip(row, linear, strict=True)) for row in matrix)
    return [min(1, max(0, each)) ** (1 / 2.2) for each in mixture]


@given(st.text(max_size=30), st.floats(5, 200), st.booleans())
def test_fitted_text_fits(words: str, width: float, is_bold: bool) -> None:
    shown = fitted(words, width, 12, bold=is_bold)
    assert shown == words or text_width(shown, 12, bold=is_bold) <= max(width, 12)


@pytest.mark.parametrize("bold", [False, True])
def test_widths_are_those_of_the_font(bold: bool) -> None:
    font_tools = pytest.importorskip("fontTools.ttLib")
    path = FONTS / f"LiberationSans-{'Bold' if bold else 'Regular'}.ttf"
    if not path.is_file():
        pytest.skip("the font Liberation Sans is not installed")
    font = font_tools.TTFont(path)
    names, units = font.getBestCmap(), font["head"].unitsPerEm
    for character in (*string.printable.strip(), *"≤×→…–"):
        true = font["hmtx"][names[ord(character)]][0] / units
        assert text_width(character, 1, bold=bold) == pytest.approx(true, abs=0.002), character


def test_widths_of_other_scripts_and_of_marks() -> None:
    assert text_width("é", 10) == text_width("e", 10)
    assert text_width("注意", 10) == 20
    assert text_width("abc", 10, monospace=True) == pytest.approx(18)
