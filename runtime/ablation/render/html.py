"""The cells of the table as HTML, which the report puts into its page."""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from runtime.ablation.columns import group_label
from runtime.ablation.render.grid import MARK, Grid, Head, Record

NAMES = {
    "N": Markup("<i>N</i>"),
    "N_enc": Markup("<i>N</i><sub>enc</sub>"),
    "N_dec": Markup("<i>N</i><sub>dec</sub>"),
    "d_model": Markup("<i>d</i><sub>model</sub>"),
    "d_ff": Markup("<i>d</i><sub>ff</sub>"),
    "h": Markup("<i>h</i>"),
    "d_k": Markup("<i>d<sub>k</sub></i>"),
    "d_v": Markup("<i>d<sub>v</sub></i>"),
    "P_drop": Markup("<i>P<sub>drop</sub></i>"),
    "ε_ls": Markup("<i>ε<sub>ls</sub></i>"),
    "Δ": Markup('<abbr title="difference to the base">Δ</abbr>'),
}
SPREAD = " ± "


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlRow:
    """A `<tr>`: its classes, and its cells with their tags."""

    classes: str
    cells: tuple[Markup, ...]


def html_heads(grid: Grid) -> list[Markup]:
    tag = Markup('<th scope="col" class="{}">{}</th>')
    return [tag.format(class_of(head), NAMES.get(head.name, head.name)) for head in grid.heads]


def html_row(grid: Grid, record: Record) -> HtmlRow:
    """A group's name is in each of its rows, for when they are sorted, and shown in the first."""
    facts = {"base": record.line.is_base, "starts": record.starts_group}
    repeated = "" if record.starts_group else " repeated"
    pairs = zip(grid.heads[1:], record.cells[1:], strict=True)
    return HtmlRow(
        classes=" ".join(name for name, holds in facts.items() if holds),
        cells=(
            Markup('<td class="group{}">{}</td>').format(repeated, group_label(record.line.group)),
            *(html_cell(head, cell, record, grid) for head, cell in pairs),
        ),
    )


def html_cell(head: Head, cell: str, record: Record, grid: Grid) -> Markup:
    if head.kind == "row":
        link = Markup('<th scope="row" class="row"><a href="#{}">{}</a></th>')
        return link.format(anchor(cell), cell)
    state = record.line.state
    if state and cell.startswith(state):
        return Markup('<td class="value {}">{}</td>').format(tone(state), cell)
    return Markup('<td class="{}">{}</td>').format(class_of(head), html_words(head, cell, grid))


def html_words(head: Head, cell: str, grid: Grid) -> Markup:
    if head.kind == "difference":
        return difference(cell)
    if head.kind == "value" and cell and is_spread(grid, head):
        return number(cell)
    return escape(cell)


def is_spread(grid: Grid, head: Head) -> bool:
    column = grid.heads.index(head)
    return any(SPREAD in record.cells[column] for record in grid.records)


def number(cell: str) -> Markup:
    """Deviations stand below each other, also where some numbers have none."""
    mean, _, deviation = cell.partition(SPREAD)
    spread = f"± {deviation}" if deviation else ""
    return Markup('{}<span class="spread">{}</span>').format(mean, spread)


def difference(cell: str) -> Markup:
    """With room for a mark, so that digits stand below each other."""
    if not cell:
        return Markup("")
    is_significant = MARK in cell
    inside = Markup('<b class="significant">{}</b>') if is_significant else Markup("{}")
    bare = inside.format(cell.removesuffix(MARK))
    return bare + Markup('<span class="mark">{}</span>').format(MARK if is_significant else "")


def class_of(head: Head) -> str:
    return "difference-cell" if head.kind == "difference" else head.kind


def tone(state: str) -> str:
    """Of a state in words: what has failed stands out, what is to come does not."""
    return "absent" if state in ("not run", "not finished") else "bad"


def anchor(row: str) -> str:
    """Of a row's details."""
    return f"row-{re.sub(r'[^0-9A-Za-z_.-]', '-', row)}"
