"""`specformer translate`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.spec.section import MOST_HYPOTHESES
from runtime.command.lines import Input, Output, answer, refuse_output
from runtime.command.options import (
    Beam,
    DecodingSettings,
    Device,
    Force,
    Int8,
    RunFolder,
    Which,
    Workers,
    changed_decoding,
    refuse_narrow_beam,
    translator_settings,
)
from runtime.command.output import report
from runtime.command.tasks import open_run, say_weights

if TYPE_CHECKING:
    from runtime.decoding.translator import Translation


def translate(
    run: RunFolder,
    input: Input = None,
    output: Output = None,
    beam: Beam = None,
    n_best: Annotated[
        int,
        typer.Option(
            "--n-best", metavar="N", min=1, max=MOST_HYPOTHESES, help="Translations of each line."
        ),
    ] = 1,
    assignments: DecodingSettings = None,
    checkpoint: Which = None,
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

    keep_freed_memory()
    refuse_output(output, force=force)
    opened = open_run(run, "translate", checkpoint)
    decoding = changed_decoding(opened.package.folder, beam, assignments or [])
    refuse_narrow_beam(n_best, decoding)
    settings = translator_settings(device, int8, workers)
    translator = load_translator(opened, decoding=decoding, **settings)
    say_weights(opened)

    def respond(lines: list[str], number: int) -> Iterator[str]:
        several = translator.translate_n_best(lines, n_best, first_line=number, report=report)
        return formatted(several, number, n_best)

    answer(respond, input, output, force=force)


def formatted(several: list[list["Translation"]], first: int, n_best: int) -> Iterator[str]:
    """Output lines: the translation alone, or number, score and translation of each of `n_best`."""
    for number, translations in enumerate(several, start=first):
        for each in translations:
            yield f"{each.text}\n" if n_best == 1 else f"{number}\t{each.score:.4f}\t{each.text}\n"
