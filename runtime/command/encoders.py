"""The commands of models that are encoders alone: `classify` and `fill`."""

from collections.abc import Iterator
from typing import Annotated

import typer

from compiler.spec.base import MOST_HYPOTHESES
from runtime.command.lines import Input, Output, answer, in_a_column, refuse_output
from runtime.command.options import (
    Device,
    Force,
    Int8,
    NBest,
    PrecisionChoice,
    Recompile,
    RunFolder,
    Which,
    open_run,
    say_weights,
    translator_settings,
)
from runtime.command.output import report


def classify(
    run: RunFolder,
    input: Input = None,
    output: Output = None,
    n_best: NBest = 1,
    checkpoint: Which = None,
    device: Device = None,
    int8: Int8 = False,
    precision: PrecisionChoice = None,
    recompile: Recompile = False,
    force: Force = False,
) -> None:
    """Label the lines of a file, of standard input, or typed ones.

    Output lines are: label, probability (a tab between); with --n-best above 1, line number, label,
    probability.
    """
    from runtime.inference.classifier import Classifier
    from runtime.inference.load import load_as
    from runtime.system.process import keep_freed_memory

    keep_freed_memory()
    refuse_output(output, force=force)
    opened = open_run(run, "classify", checkpoint, recompile)
    classifier = load_as(Classifier, opened, **translator_settings(device, int8, 1, precision))
    say_weights(opened)

    def respond(lines: list[str], number: int) -> Iterator[str]:
        found = classifier.classify_n_best(lines, n_best, first_line=number, report=report)
        for line, labels in enumerate(found, start=number):
            for each in labels:
                start = "" if n_best == 1 else f"{line}\t"
                yield f"{start}{in_a_column(each.name)}\t{each.probability:.4f}\n"

    answer(respond, input, output, force=force)


def fill(
    run: RunFolder,
    input: Input = None,
    output: Output = None,
    n_best: Annotated[
        int,
        typer.Option(
            "--n-best", metavar="N", min=1, max=MOST_HYPOTHESES, help="Tokens for each gap."
        ),
    ] = 5,
    checkpoint: Which = None,
    device: Device = None,
    int8: Int8 = False,
    precision: PrecisionChoice = None,
    recompile: Recompile = False,
    force: Force = False,
) -> None:
    """Fill the gaps, [MASK] or ___, of lines with the likeliest tokens.

    Tokens are written as the vocabulary has them: with `▁` before those that begin a word. Output
    lines are: line number, number of the gap in it, probability, token (tabs between).
    """
    from runtime.inference.filler import Filler
    from runtime.inference.load import load_as
    from runtime.system.process import keep_freed_memory

    keep_freed_memory()
    refuse_output(output, force=force)
    opened = open_run(run, "fill", checkpoint, recompile)
    filler = load_as(Filler, opened, **translator_settings(device, int8, 1, precision))
    say_weights(opened)

    def respond(lines: list[str], number: int) -> Iterator[str]:
        for line, gaps in enumerate(
            filler.fill_lines(lines, n_best, first_line=number), start=number
        ):
            for gap, fillings in enumerate(gaps, start=1):
                for each in fillings:
                    text = in_a_column(each.text)
                    yield f"{line}\t{gap}\t{each.probability:.4f}\t{text}\n"

    answer(respond, input, output, force=force)
