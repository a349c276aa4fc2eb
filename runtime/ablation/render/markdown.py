"""The table in the Markdown of GitHub."""

import re

from runtime.ablation.render.grid import Grid
from runtime.ablation.render.text import is_name

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")


def markdown(grid: Grid) -> str:
    heads = [escape(head.name) for head in grid.heads]
    rules = [":--" if is_name(head) else "--:" for head in grid.heads]
    rows = [heads, rules, *([escape(cell) for cell in each.cells] for each in grid.records)]
    notes = [f"- {escape(note)}" for note in grid.notes]
    return "\n".join([*(row_line(row) for row in rows), "", *notes, ""])


def row_line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    return SPECIAL.sub(r"\\\1", text)
