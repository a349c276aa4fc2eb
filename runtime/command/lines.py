"""Commands that answer lines of text: those of a file, of standard input, or of a conversation."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer

from runtime.command.output import check_output, new_text_file, report
from runtime.errors import UserError
from runtime.system.terminal import data_stream

LINES_AT_ONCE = 4096
IN_A_COLUMN = str.maketrans(dict.fromkeys("\t\n\r", " "))

Respond = Callable[[list[str], int], Iterable[str]]
"""Lines, and the number of the first -> what is said to them, each line with its end."""

Input = Annotated[
    Path | None,
    typer.Option(
        "--input", metavar="FILE", help="Text, one sentence a line; .gz, .xz and .bz2, too."
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="By default standard output.")
]


def answer(
    respond: Respond,
    input: Path | None,
    output: Path | None,
    *,
    force: bool,
    at_end: Callable[[], None] = lambda: None,
) -> None:
    """Answers a file, standard input, or, where both ends are a terminal's, line by line.

    `at_end` is called when all is answered; an error of it leaves no output file.
    """
    if input is None and output is None and sys.stdin.isatty():
        converse(respond)
        return
    lines = read_input(input)
    with opened_output(output, force=force) as file:
        for number, piece in numbered_pieces(lines):
            file.writelines(respond(piece, number))
        at_end()


def in_a_column(text: str) -> str:
    """A text as one column of a line: tabs and ends of lines become spaces."""
    return text.translate(IN_A_COLUMN)


def refuse_output(output: Path | None, *, force: bool) -> None:
    """Raise a UserError, before anything slow, if the output could not be written."""
    if output:
        check_output(output, force=force)


def converse(respond: Respond) -> None:
    """Each line is answered at once, until Ctrl-D."""
    report("one sentence a line; Ctrl-D ends")
    for number, line in enumerate(typed_lines(), start=1):
        print("".join(respond([line], number)), end="", flush=True)


def typed_lines() -> Iterator[str]:
    """Lines as they are typed; the prompt is no part of what is written to standard output."""
    lines = standard_input()
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        line = next(lines, None)
        if line is None:
            report("")
            return
        yield line


def read_input(path: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input."""
    from runtime.data.lines import read_lines

    return read_lines(path, is_fixed=False) if path else standard_input()


def standard_input() -> Iterator[str]:
    """Raise a UserError where standard input is closed, a folder, or cannot be read."""
    from runtime.data.encodings import STREAM
    from runtime.data.lines import decoded_lines

    try:
        yield from decoded_lines(sys.stdin.buffer, STREAM, ", line ")
    except OSError as error:
        raise UserError(
            f"standard input cannot be read: {error.strerror}", help="give a file by --input"
        ) from error


def numbered_pieces(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """LINES_AT_ONCE lines at a time, with the number of the first."""
    number = 1
    while piece := list(islice(lines, LINES_AT_ONCE)):
        yield number, piece
        number += len(piece)


def opened_output(path: Path | None, *, force: bool) -> AbstractContextManager[TextIO]:
    return new_text_file(path, force=force) if path else nullcontext(data_stream())
