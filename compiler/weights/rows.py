"""Rows of a vocabulary in our order: padding, unknown, begin, end (and mask), then all others.

A row of ours may be one of theirs, even twice, or none: then it is zeros, and where tokens are
chosen its number is too low to be.
"""

from collections.abc import Iterator, Sequence

from compiler.vocabulary.rows import Rows
from compiler.vocabulary.symbols import END

TABLES = ("embedding.weight", "source_embedding.weight", "target_embedding.weight")
PER_TOKEN = (*TABLES, "projection.weight", "output_bias")
"""The parameters that have a row for each token."""

PER_CLASS = "classifier.{kind}"
"""The parameters that have a row for each label."""

NEVER = 1e4
"""Subtracted from the logit of a row that their model lacks, or has once while ours has it twice:
its probability becomes 0, as it is there, and logits stay small enough for every precision."""

Piece = tuple[int, int] | None
"""The first of their rows and that after the last, or a row that they lack."""


def unwanted(rows: Rows) -> list[int]:
    """Return the symbols that may never be chosen since their model cannot choose them.

    Where one of their tokens is several of our symbols, END alone is chosen, or else the first.
    """
    found = []
    symbols = rows.theirs[: rows.symbols]
    for place, row in enumerate(symbols):
        same = [other for other, their in enumerate(symbols) if their == row]
        if row is None or place != (END if END in same else same[0]):
            found.append(place)
    return found


def pieces(numbers: Sequence[int | None]) -> Iterator[Piece]:
    """Yield theirs in our order, rows that follow each other together."""
    start, stop = 0, 0
    for place, row in enumerate(numbers):
        if row is not None and place and row == stop and numbers[place - 1] is not None:
            stop += 1
            continue
        if place and numbers[place - 1] is not None:
            yield start, stop
        if row is None:
            yield None
        else:
            start, stop = row, row + 1
    if numbers and numbers[-1] is not None:
        yield start, stop


def in_our_order(expression: str, theirs: Sequence[int | None]) -> str | list[str]:
    """Return an expression of a map whose rows are those of another, in our order.

    `theirs` is their row for each of ours.
    """
    if tuple(theirs) == tuple(range(len(theirs))):
        return expression
    base = f"({expression})" if " " in expression else expression
    return [
        f"0 * {base}[0:1]" if piece is None else f"{base}[{piece[0]}:{piece[1]}]"
        for piece in pieces(theirs)
    ]


def biases(table: str, given: str | None, rows: Rows) -> str | list[str] | int:
    """Return an expression for the numbers of tokens that are added to logits.

    `table` is an expression for a matrix with a row for each of their tokens, `given` one for
    their own numbers.
    """
    if not unwanted(rows):
        return 0 if given is None else in_our_order(given, rows.theirs)
    lines = [_bias(table, given, rows, place) for place in range(rows.symbols)]
    for start, stop in filter(None, pieces(rows.theirs[rows.symbols :])):
        lines.append(f"{given}[{start}:{stop}]" if given else f"0 * {table}[{start}:{stop}, 0]")
    return lines


def _bias(table: str, given: str | None, rows: Rows, place: int) -> str:
    row = rows.theirs[place] or 0
    own = f"{given}[{row}:{row + 1}]" if given else f"0 * {table}[{row}:{row + 1}, 0]"
    if place not in unwanted(rows):
        return own
    return f"0 * {own} - {NEVER:.0f}" if given else f"{own} - {NEVER:.0f}"
