"""`specformer translate`."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from runtime.command.options import (
    Beam,
    DecodingSettings,
    Device,
    Force,
    Int8,
    RunFolder,
    Workers,
    changed_decoding,
    translator_settings,
)
from runtime.command.output import check_output, new_text_file, report
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.decoding.translator import Translation, Translator

LINES_AT_ONCE = 4096

Translate = Callable[[list[str], int], list[list["Translation"]]]


def translate(
    run: RunFolder,
    input: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Text, one sentence a line; .gz is unpacked."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="By default standard output.")
    ] = None,
    beam: Beam = None,
    n_best: Annotated[
        int, typer.Option("--n-best", metavar="N", min=1, help="Translations of each line.")
    ] = 1,
    assignments: DecodingSettings = None,
    device: Device = None,
    int8: Int8 = False,
    workers: Workers = None,
    force: Force = False,
) -> None:
    """Translate a file, standard input, or line by line in a terminal.

    With --n-best above 1, output lines are: line number, score, translation (tabs between).
    """
    from runtime.decoding.load import load_translator
    from runtime.memory import keep_freed_memory
    from runtime.run import Run

    keep_freed_memory()
    if output:
        check_output(output, force=force)
    opened = Run.open(run)
    decoding = changed_decoding(opened.package.folder, beam, assignments or [])
    if n_best > decoding.beam:
        raise UserError(
            f"--n-best {n_best} is more than the beam of {decoding.beam}",
            help=f"add --beam {n_best}",
        )
    settings = translator_settings(device, int8, workers)
    translator = load_translator(opened, decoding=decoding, **settings)
    if input is None and output is None and sys.stdin.isatty():
        answer_lines(translator, n_best)
        return
    lines = read_input(input)
    with opened_output(output, force=force) as file:
        for number, piece in numbered_pieces(lines):
            several = translator.translate_n_best(piece, n_best, first_line=number, report=report)
            file.writelines(formatted(several, number, n_best))


def answer_lines(translator: "Translator", n_best: int) -> None:
    """A conversation: each line is answered at once, until Ctrl-D."""
    report("one sentence a line; Ctrl-D ends")
    for number, line in enumerate(typed_lines(), start=1):
        several = translator.translate_n_best([line], n_best, first_line=number, report=report)
        print("".join(formatted(several, number, n_best)), end="", flush=True)


def typed_lines() -> Iterator[str]:
    """Lines as they are typed; the prompt is no part of what is written to standard output."""
    lines = decoded_lines(sys.stdin.buffer)
    while True:
        print("> ", end="", file=sys.stderr, flush=True)
        line = next(lines, None)
        if line is None:
            report("")
            return
        yield line


def read_input(path: Path | None) -> Iterator[str]:
    """The lines of a file, or of standard input."""
    from runtime.data.files import read_lines

    return read_lines(path) if path else decoded_lines(sys.stdin.buffer)


def decoded_lines(stream: Iterable[bytes]) -> Iterator[str]:
    """Lines of UTF-8 without their ends."""
    for number, line in enumerate(stream, start=1):
        try:
            yield line.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise UserError(
                f"standard input, line {number}: not UTF-8", help="convert the text with iconv"
            ) from error


def numbered_pieces(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """LINES_AT_ONCE lines at a time, with the number of the first."""
    number = 1
    while piece := list(islice(lines, LINES_AT_ONCE)):
        yield number, piece
        number += len(piece)


def formatted(several: list[list["Translation"]], first: int, n_best: int) -> Iterator[str]:
    """Output lines: the translation alone, or number, score and translation of each of `n_best`."""
    for number, translations in enumerate(several, start=first):
        for each in translations:
            yield f"{each.text}\n" if n_best == 1 else f"{number}\t{each.score:.4f}\t{each.text}\n"


def opened_output(path: Path | None, *, force: bool) -> AbstractContextManager[TextIO]:
    return new_text_file(path, force=force) if path else nullcontext(sys.stdout)
