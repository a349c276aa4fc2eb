"""`specformer generate`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.command.lines import Input, Output, answer, in_a_column, opened_output, refuse_output
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
    from runtime.inference.generator import Continuation


def generate(
    run: RunFolder,
    prompts: Annotated[
        list[str] | None,
        typer.Option("--prompt", metavar="TEXT", help="What a text begins with; any number."),
    ] = None,
    input: Input = None,
    output: Output = None,
    beam: Beam = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", metavar="T", help="Draw tokens; below 1 likely ones more."),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", metavar="K", help="Draw among the K likeliest tokens.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option("--top-p", metavar="P", help="Draw among those with this probability."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", help="Other draws.")] = None,
    no_repeat_ngram: NoRepeatNgram = None,
    repetition_penalty: RepetitionPenalty = None,
    n_best: NBest = 1,
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
    """Continue prompts with a language model: --prompt, a file, standard input, or typed lines.

    With --n-best above 1, output lines are: line number, score, text (tabs between).
    """
    from runtime.command.engines import load_with
    from runtime.inference.generator import Generator
    from runtime.inference.methods import method_of
    from runtime.system.process import keep_freed_memory

    keep_freed_memory()
    if prompts and input:
        raise UserError("--prompt and --input are two ways to say the same", help="give one")
    refuse_output(output, force=force)
    opened = open_run(run, "generate", checkpoint, recompile)
    sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    chosen = [*search_or_draw(beam, sampling), *(assignments or [])]
    options = {
        "beam": beam,
        "no_repeat_ngram": no_repeat_ngram,
        "repetition_penalty": repetition_penalty,
    }
    decoding = changed_decoding(opened.package.folder, options, chosen)
    method_of(decoding).refuse(n_best)
    settings = translator_settings(device, int8, workers, precision)
    generator = load_with(Generator, opened, engine, decoding, settings)
    say_weights(opened)

    def respond(lines: list[str], number: int) -> Iterator[str]:
        several = generator.generate_n_best(lines, n_best, first_line=number, report=report)
        return formatted(several, number, n_best)

    if prompts:
        with opened_output(output, force=force) as file:
            file.writelines(respond(prompts, 1))
        return
    answer(respond, input, output, force=force)


def search_or_draw(beam: int | None, sampling: dict[str, float | None]) -> Iterator[str]:
    """Yields the settings of the options that draw. Raises a UserError beside --beam."""
    given = {key: value for key, value in sampling.items() if value is not None}
    if beam is not None and given:
        options = ", ".join(f"--{key.replace('_', '-')}" for key in given)
        raise UserError(
            f"--beam searches for the likeliest text, {options} draws one",
            help="give either --beam or the others",
        )
    yield from (f"decoding.{key}={value}" for key, value in given.items())


def formatted(several: list[list["Continuation"]], first: int, n_best: int) -> Iterator[str]:
    """Output lines: the text alone, or number, score and text of each of `n_best`."""
    for number, texts in enumerate(several, start=first):
        for each in texts:
            if n_best == 1:
                yield f"{each.text}\n"
            else:
                yield f"{number}\t{each.score:.4f}\t{in_a_column(each.text)}\n"
