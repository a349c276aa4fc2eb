"""`specformer translate`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.command.lines import Input, Output, answer, in_a_column, read_input, refuse_output
from runtime.command.options import (
    Beam,
    DecodingSettings,
    Device,
    EngineChoice,
    Force,
    Int8,
    NBest,
    NoRepeatNgram,
    PrecisionChoice,
    Recompile,
    RepetitionPenalty,
    RunFolder,
    Which,
    Workers,
    changed_decoding,
    open_run,
    say_weights,
    translator_settings,
)
from runtime.command.output import report
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.inference.translator import Translation


def translate(
    run: RunFolder,
    input: Input = None,
    output: Output = None,
    beam: Beam = None,
    n_best: NBest = 1,
    no_repeat_ngram: NoRepeatNgram = None,
    repetition_penalty: RepetitionPenalty = None,
    prefix: Annotated[
        Path | None,
        typer.Option(
            "--prefix",
            metavar="FILE",
            help="Beginnings of the translations, one a line, each for the same line of text.",
        ),
    ] = None,
    assignments: DecodingSettings = None,
    checkpoint: Which = None,
    device: Device = None,
    int8: Int8 = False,
    precision: PrecisionChoice = None,
    workers: Workers = None,
    engine: EngineChoice = "own",
    recompile: Recompile = False,
    force: Force = False,
) -> None:
    """Translate a file, standard input, or line by line in a terminal.

    With --n-best above 1, output lines are: line number, score, translation (tabs between).
    """
    from runtime.command.engines import load_with
    from runtime.inference.methods import method_of
    from runtime.inference.translator import Translator
    from runtime.system.process import keep_freed_memory

    keep_freed_memory()
    refuse_output(output, force=force)
    opened = open_run(run, "translate", checkpoint, recompile)
    decoding = changed_decoding(
        opened.package.folder,
        {
            "beam": beam,
            "no_repeat_ngram": no_repeat_ngram,
            "repetition_penalty": repetition_penalty,
        },
        assignments or [],
    )
    beginnings = Beginnings(prefix)
    method_of(decoding).refuse(n_best)
    settings = translator_settings(device, int8, workers, precision)
    translator = load_with(Translator, opened, engine, decoding, settings)
    say_weights(opened)

    def respond(lines: list[str], number: int) -> Iterator[str]:
        several = translator.translate_n_best(
            lines,
            n_best,
            prefixes=beginnings.of(len(lines)),
            first_line=number,
            report=report,
        )
        return formatted(several, number, n_best)

    answer(respond, input, output, force=force, at_end=beginnings.refuse_more)


class Beginnings:
    """The file of --prefix, read beside the text; none where there is no such file."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.read = path, 0
        self.lines = read_input(path) if path else None

    def of(self, lines: int) -> list[str] | None:
        """The beginnings for the next lines of text. Raises a UserError if the file has fewer."""
        if self.lines is None:
            return None
        found = list(islice(self.lines, lines))
        self.read += len(found)
        if len(found) < lines:
            raise UserError(
                f"{self.path} has {self.read:,} lines, and the text has more",
                help="--prefix needs a line, which may be empty, for each line of text",
            )
        return found

    def refuse_more(self) -> None:
        """Raise a UserError if the text has ended before the file."""
        if self.lines and (more := sum(1 for _ in self.lines)):
            raise UserError(
                f"{self.path} has {self.read + more:,} lines, and the text has {self.read:,}",
                help="--prefix needs a line for each line of text",
            )


def formatted(several: list[list["Translation"]], first: int, n_best: int) -> Iterator[str]:
    """Output lines: the translation alone, or number, score and translation of each of `n_best`."""
    for number, translations in enumerate(several, start=first):
        for each in translations:
            if n_best == 1:
                yield each.text.replace("\n", " ") + "\n"
            else:
                yield f"{number}\t{each.score:.4f}\t{in_a_column(each.text)}\n"
