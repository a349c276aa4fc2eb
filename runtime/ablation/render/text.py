"""The table for a terminal, and as plain text."""

from collections.abc import Sequence

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from runtime.ablation.render.grid import MARK, Grid, Head, Record

GAP = "  "
STYLES = {"group": "dim", "row": "bold", "setting": "", "value": "", "difference": "dim"}


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


def rich_table(grid: Grid) -> RichTable:
    """The same in the colours of a terminal; `grid.notes` go below."""
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for head in grid.heads:
        table.add_column(
            head.name,
            justify="left" if is_name(head) else "right",
            style=STYLES[head.kind],
            no_wrap=True,
        )
    for record, following in zip(grid.records, [*grid.records[1:], None], strict=True):
        last = following is None or following.starts_group
        table.add_row(*rich_cells(record), end_section=last)
    return table


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
