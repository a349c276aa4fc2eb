"""The table in Markdown."""

from compiler.markdown import escaped, table
from runtime.ablation.render.grid import Grid
from runtime.ablation.render.text import is_name


def markdown(grid: Grid) -> str:
    """The table and, as a list, the notes below it."""
    rows = table(
        [escaped(head.name) for head in grid.heads],
        [map(escaped, each.cells) for each in grid.records],
        right=[number for number, head in enumerate(grid.heads) if not is_name(head)],
    )
    return "\n".join([rows, "", *(f"- {escaped(note)}" for note in grid.notes), ""])
