"""Pictures of masks by themselves: one with its algebra, and receptive fields layer by layer."""

from collections.abc import Iterator, Sequence

from compiler.draw.matrix import (
    Shares,
    as_shares,
    cell_width,
    masks_of,
    most_read,
    receptive_fields,
    shares,
)
from compiler.draw.svg import matrix_cells
from compiler.ir.block import Block
from compiler.mask.mask import Mask
from compiler.mask.parse import Written, parse, primitives_of
from compiler.page.svg import PAPER, QUIET, element, picture, text, text_width, wrapped

MARGIN, SMALL, LARGE, FIELD = 28.0, 72.0, 336.0, 132.0
SMALL_CELLS, CELLS = 12, 24
SHORTEST, LONGEST = 16, 96
"""The fewest and the most positions of the streams for which receptive fields are drawn."""
ABREAST = 6
MOST_OPERANDS = 8
WIDEST_TITLE = 720.0
INFINITY = "\N{INFINITY}"


def mask_svg(written: str) -> str:
    """Return a mask as it was written, from matrices of its parts to that of the whole.

    Raises MaskError for a text that is no mask.
    """
    mask = parse(written)
    title = wrapped(written, WIDEST_TITLE, 17, bold=True)
    content = [
        text(MARGIN, MARGIN + 16 + 22 * number, line, font_size=17, font_weight="bold")
        for number, line in enumerate(title)
    ]
    y = MARGIN + 20 + 22 * (len(title) - 1)
    width = MARGIN * 2 + max(text_width(each, 17, bold=True) for each in title)
    operands = primitives_of(written)
    if 1 < len(operands) <= MOST_OPERANDS or (len(operands) == 1 and "~" in written):
        row, x = _algebra(written, operands, MARGIN, y + 14)
        content += row
        y += SMALL + 48
        width = max(width, x + MARGIN)
    content += _whole(mask, MARGIN + 22, y + 34)
    words = _facts(mask, written)
    left = MARGIN + 22 + LARGE + 24
    content += [
        text(left, y + 46 + 18 * number, line, font_size=12, fill=QUIET)
        for number, line in enumerate(words)
    ]
    width = max(width, left + 250 + MARGIN)
    bottom = y + max(34 + LARGE, 46 + 18 * len(words)) + MARGIN
    return picture(width, bottom, content, title=f"mask {written}", description=mask.text)


def _algebra(
    written: str, operands: Sequence[Written], x: float, y: float
) -> tuple[list[str], float]:
    """Return the text as a row, a small matrix above each primitive -> and the end of the row."""
    content, end = list[str](), 0
    cell = cell_width([each.mask for each in operands], SMALL_CELLS)
    for each in operands:
        if between := written[end : each.start].strip():
            content.append(text(x, y + SMALL / 2 + 7, between, font_size=20))
            x += text_width(between, 20) + 14
        name = written[each.start : each.end]
        room = max(SMALL, text_width(name, 12))
        cells = matrix_cells(shares(each.mask, SMALL_CELLS, cell), SMALL, x + (room - SMALL) / 2, y)
        content.append(element("g", list(cells), shape_rendering="crispEdges"))
        content.append(text(x + room / 2, y + SMALL + 16, name, font_size=12, text_anchor="middle"))
        x, end = x + room + 14, each.end
    if rest := written[end:].strip():
        content.append(text(x, y + SMALL / 2 + 7, rest, font_size=20))
        x += text_width(rest, 20)
    return content, x


def _whole(mask: Mask, x: float, y: float) -> list[str]:
    """Return the matrix of the whole mask with the names of its axes."""
    cell = cell_width([mask], CELLS)
    cells = [*matrix_cells(shares(mask, CELLS, cell), LARGE, x, y), *_grid(x, y)]
    turned = f"rotate(-90 {x - 10:g} {y + LARGE / 2:g})"
    return [
        element("g", cells, shape_rendering="crispEdges"),
        text(x + LARGE / 2, y - 10, "key position j →", font_size=12, text_anchor="middle"),
        text(
            x - 10,
            y + LARGE / 2,
            "← query position i",
            font_size=12,
            text_anchor="middle",
            transform=turned,
        ),
    ]


def _grid(x: float, y: float) -> Iterator[str]:
    for number in range(1, CELLS):
        place = number * LARGE / CELLS
        for way in (f"M{x + place:g} {y:g}v{LARGE:g}", f"M{x:g} {y + place:g}h{LARGE:g}"):
            yield element("path", d=way, stroke=PAPER, stroke_width=0.6)


def _facts(mask: Mask, written: str) -> list[str]:
    cell, found = cell_width([mask], CELLS), list[str]()
    found.append("A dark cell: position i reads position j.")
    if cell > 1:
        found.append(f"Each cell stands for {cell} × {cell} pairs.")
    if mask.text != written:
        found += wrapped(f"Its normal form: {mask.text}", 250, 12)
    if not mask.terms:
        return [*found, "No position reads any position."]
    found += wrapped(f"As a predicate: {mask.code}", 250, 12)
    if mask.dependence is not None:
        found.append(f"Offsets j - i that it reads: {mask.dependence}".replace("inf", INFINITY))
    if mask.needs_length:
        found.append(f"Drawn for a text of {CELLS * cell} positions.")
    return found


def receptive_field_svg(model: Block, title: str) -> str:
    """Return, for each stack and layer, the positions of the stack's input that each has read."""
    content = [text(MARGIN, MARGIN + 14, title, font_size=17, font_weight="bold")]
    note = "Receptive field: row i shows the positions of the input that position i has read."
    content.append(text(MARGIN, MARGIN + 34, note, font_size=12, fill=QUIET))
    y, width = MARGIN + 44, MARGIN * 2 + text_width(note, 12)
    for name, stack in ((n, part) for n, part in model.parts if isinstance(part, Block)):
        masks = masks_of(stack)
        if not masks:
            continue
        edge = max((number for mask in masks for number in mask.numbers), default=0)
        length = min(LONGEST, max(SHORTEST, 4 * edge))
        fields = receptive_fields(stack, length)
        heading = f"{name.capitalize()}, {length} positions"
        content.append(text(MARGIN, y + 26, heading, font_size=14, font_weight="bold"))
        panels = [(_words(k, most_read(each)), as_shares(each)) for k, each in enumerate(fields)]
        panels = [*_merged(panels)]
        content += _panels(panels, y + 40)
        columns = min(ABREAST, len(panels))
        last = (len(panels) - 1) % ABREAST * (FIELD + 24) + text_width(panels[-1][0], 11)
        width = max(width, 2 * MARGIN + max(columns * (FIELD + 24) - 24, last))
        y += 40 + -(-len(panels) // ABREAST) * (FIELD + 44)
    return picture(width, y + MARGIN - 16, content, title=f"Receptive fields of {title}")


def _words(number: int, most: int) -> str:
    return f"layer {number + 1}: up to {most} positions"


def _merged(panels: Sequence[tuple[str, Shares]]) -> Iterator[tuple[str, Shares]]:
    """Yield one panel for the last layers, where these add nothing."""
    for number, (words, values) in enumerate(panels):
        if number and values == panels[number - 1][1] and values == panels[-1][1]:
            continue
        is_last = values == panels[-1][1] and number < len(panels) - 1
        if is_last:
            first, _, most = words.partition(":")
            words = f"{first.replace('layer', 'layers')} to {len(panels)}:{most}"
        yield words, values


def _panels(panels: Sequence[tuple[str, Shares]], y: float) -> Iterator[str]:
    for number, (words, values) in enumerate(panels):
        row, column = divmod(number, ABREAST)
        left, top = MARGIN + column * (FIELD + 24), y + row * (FIELD + 44)
        cells = list(matrix_cells(values, FIELD, left, top))
        yield element("g", cells, shape_rendering="crispEdges")
        yield text(left, top + FIELD + 17, words, font_size=11)
