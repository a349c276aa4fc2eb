"""Pictures as SVG: colours, widths of text, escaping, numbers and elements.

A picture is light, prints well, and needs nothing from elsewhere: no font, no script, no style
sheet. Lengths are in pixels of CSS.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from html import escape

FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
"""Fonts whose characters have the same widths, those of the table below."""
MONOSPACE = "'Liberation Mono', 'Courier New', monospace"
INK, QUIET, RULE, PAPER = "#1f2328", "#59636e", "#d0d7de", "#ffffff"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#000000")
"""After Okabe and Ito (2008): red-, green- and blue-blind readers tell them apart."""
STRONG = tuple(each for each in COLOURS if each != "#f0e442")
"""The colours that are strong enough for a line on paper: all but yellow."""
MUTED = (
    *("#332288", "#cc6677", "#117733", "#ddcc77", "#88ccee"),
    *("#882255", "#44aa99", "#999933", "#aa4499", "#661100"),
)
"""After Tol (2021), for more than eight things side by side."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_MONOSPACE_WIDTH = 600
_REGULAR = {
    191: "'",
    222: "ijl‘’",
    260: "|",
    278: " !,./:;I[\\]ft·ı",
    333: "()-`r“”",
    334: "{}",
    350: "•",
    355: '"',
    389: "*",
    400: "°",
    469: "^",
    500: "Jcksvxyz↑↓",
    549: "±√≈≠≤≥",
    556: "#$0123456789?L_abdeghnopqu–αβ",
    584: "+<=>~¬×−",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUwΔ∞∑",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "—…←→↔",
    1015: "@",
}
"""Widths of characters in thousandths of the size of the font."""
_BOLD = {
    238: "'",
    278: " ,./I\\ijl‘’·ı",
    280: "|",
    333: "!()-:;[]`ft",
    350: "•",
    389: "*r{}",
    400: "°",
    474: '"',
    500: "z“”↑↓",
    549: "±√≈≠≤≥",
    556: "#$0123456789J_aceksvxy–",
    584: "+<=>^~¬×−",
    611: "?FLTZbdghnopquβ",
    667: "EPSVXYα",
    722: "&ABCDHKNRUΔ∞∑",
    778: "GOQw",
    833: "M",
    889: "%m",
    944: "W",
    975: "@",
    1000: "—…←→↔",
}
_WIDTHS = {
    is_bold: {character: width for width, row in rows.items() for character in row}
    for is_bold, rows in ((False, _REGULAR), (True, _BOLD))
}
_OTHER = {"Mn": 0, "Me": 0, "Cf": 0, "Ll": 600, "Lu": 780}
"""Widths of other characters by their category: seldom less than the truth."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML cannot hold, not even escaped."""


def text_width(words: str, size: float, *, bold: bool = False, monospace: bool = False) -> float:
    """Return the width of a line of text in `FONT` or `MONOSPACE` at a size in pixels."""
    widths = (_width(each, bold, monospace) for each in unicodedata.normalize("NFD", words))
    return sum(widths) * size / 1000


@cache
def _width(character: str, is_bold: bool, is_monospace: bool) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 1000
    category = unicodedata.category(character)
    if is_monospace:
        return _OTHER[category] if category in ("Mn", "Me", "Cf") else _MONOSPACE_WIDTH
    return _WIDTHS[is_bold].get(character) or _OTHER.get(category, 700)


def fitted(words: str, width: float, size: float, *, bold: bool = False) -> str:
    """Return the text, shortened with an ellipsis where it is wider than `width`."""
    if text_width(words, size, bold=bold) <= width:
        return words
    kept = words
    while kept and text_width(kept + ELLIPSIS, size, bold=bold) > width:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def wrapped(words: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Return lines of a text that are no wider than `width`, broken at blanks."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, size, bold=bold) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return [fitted(each, width, size, bold=bold) for each in lines]


def mixed(colour: str, other: str, share: float) -> str:
    """Return the colour `#rrggbb` that has a `share` of `other` in it, from 0 to 1."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _channels(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]


def number(value: float) -> str:
    """Return a length with at most two digits after the point, and no needless ones: `3.5`."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def escaped(words: str) -> str:
    """Return text for an element or an attribute; characters that XML forbids are replaced."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", words))


def element(tag: str, content: Iterable[str] | str = "", /, **attributes: str | float) -> str:
    """Return an element around content that is SVG already.

    `stroke_width=2` becomes `stroke-width="2"`, and `class_="x"`, `class="x"`. Attributes that are
    empty strings are left out.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for name, value in attributes.items()
        if value != ""
    )
    inside = content if isinstance(content, str) else "".join(content)
    return f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"


def _value(value: str | float) -> str:
    return escaped(value) if isinstance(value, str) else number(value)


def text(x: float, y: float, words: str, **attributes: str | float) -> str:
    """Return a line of text whose baseline begins at (x, y)."""
    return element("text", escaped(words), x=x, y=y, **attributes)


def picture(
    width: float, height: float, content: Iterable[str], *, title: str, description: str = ""
) -> str:
    """Return a whole file, with a title and a description for those who do not see it."""
    names = [element("title", escaped(title))]
    if description:
        names.append(element("desc", escaped(description)))
    paper = element("rect", width=width, height=height, fill=PAPER)
    return (
        element(
            "svg",
            "\n".join(["", *names, paper, *content, ""]),
            xmlns="http://www.w3.org/2000/svg",
            width=width,
            height=height,
            viewBox=f"0 0 {number(width)} {number(height)}",
            role="img",
            font_family=FONT,
            fill=INK,
        )
        + "\n"
    )
