"""Tables and text in Markdown, as GitHub shows it."""

import re
from collections.abc import Collection, Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w))")
"""Not an underscore inside of a word, which means nothing there."""


def escaped(text: str) -> str:
    """Text that means itself, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(
    heads: Sequence[str], rows: Iterable[Iterable[str]], *, right: Collection[int] = ()
) -> str:
    """Cells are Markdown already; the numbers of columns in `right`, from 0 on, go to the right."""
    rules = ("---:" if column in right else "---" for column in range(len(heads)))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows))
