"""The table for a terminal, and as plain text."""

from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from runtime.ablation.render.grid import MARK, Grid, Head, Kind, Record

GAP = "  "
WIDEST = 10_000
STYLES = {"group": "dim", "row": "bold", "setting": "", "value": "", "difference": "dim"}
KINDS: tuple[Kind, ...] = ("group", "row", "setting", "value", "difference")
NARROWER: dict[tuple[Kind, ...], str] = {
    (): "",
    ("difference",): "The terminal is too narrow for the differences: table.txt has all columns.",
    ("difference", "setting"): "The terminal is too narrow for the settings and the differences: "
    "table.txt has all columns.",
}
"""What is left out of a table that is too wide, until it fits."""


def plain_text(grid: Grid) -> str:
    """Columns as wide as they need, groups apart, notes below."""
    names = [head.name for head in grid.heads]
    rows = [names, *(each.cells for each in grid.records)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    lines = [align(names, grid.heads, widths), rule]
    for record in grid.records:
        lines += [""] if record.starts_group and record is not grid.records[0] else []
        lines.append(align(record.cells, grid.heads, widths))
    return "\n".join([*lines, rule, *grid.notes, ""])


def align(cells: Sequence[str], heads: Sequence[Head], widths: Sequence[int]) -> str:
    """Names to the left, numbers to the right."""
    columns = zip(cells, heads, widths, strict=True)
    return GAP.join(
        cell.ljust(width) if is_name(head) else cell.rjust(width) for cell, head, width in columns
    ).rstrip()


def is_name(head: Head) -> bool:
    return head.kind in ("group", "row")


def rich_table(grid: Grid, kinds: Collection[Kind] = KINDS) -> RichTable:
    """The same in the colours of a terminal, of the columns of some kinds; notes go below."""
    table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    shown = [number for number, head in enumerate(grid.heads) if head.kind in kinds]
    for head in (grid.heads[number] for number in shown):
        table.add_column(
            head.name.replace(" ", "\n"),
            justify="left" if is_name(head) else "right",
            style=STYLES[head.kind],
            no_wrap=True,
        )
    for record, following in zip(grid.records, [*grid.records[1:], None], strict=True):
        cells, last = rich_cells(record), following is None or following.starts_group
        table.add_row(*(cells[number] for number in shown), end_section=last)
    return table


def fitting_table(grid: Grid, console: Console) -> tuple[RichTable, str]:
    """As much as the terminal is wide enough for, and a note on what is left out."""
    tables = [
        (rich_table(grid, [kind for kind in KINDS if kind not in left_out]), note)
        for left_out, note in NARROWER.items()
    ]
    fitting = (each for each in tables if width_of(each[0], console) <= console.width)
    return next(fitting, tables[-1])


def width_of(table: RichTable, console: Console) -> int:
    unbounded = console.options.update(max_width=WIDEST)
    return Measurement.get(console, unbounded, table).maximum


def rich_cells(record: Record) -> list[Text]:
    """What is significant is bold, what has failed red, what has not run grey."""
    state = record.line.state
    style = "dim" if state == "not run" else "red"
    return [
        Text(
            cell,
            style=style
            if state and cell.startswith(state)
            else "bold"
            if cell.endswith(MARK)
            else "",
        )
        for cell in record.cells
    ]
