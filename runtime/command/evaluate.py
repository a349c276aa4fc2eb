"""`specformer evaluate`."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from runtime.command.options import (
    Beam,
    DecodingSettings,
    Device,
    Int8,
    RunFolder,
    Workers,
    changed_decoding,
    translator_settings,
)
from runtime.command.output import print_scores, progress, report

if TYPE_CHECKING:
    from compiler.spec.training import Decoding
    from runtime.decoding.translator import Translator
    from runtime.run import Run
    from runtime.scoring.evaluation import Evaluated, Speed


def evaluate(
    run: RunFolder,
    split: Annotated[
        Literal["test", "valid"], typer.Option("--split", help="Which text of the spec.")
    ] = "test",
    average: Annotated[
        int | None,
        typer.Option("--average", metavar="N", min=1, help="Average the last N checkpoints."),
    ] = None,
    beam: Beam = None,
    assignments: DecodingSettings = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", min=0, help="Translations to show.")
    ] = 3,
    device: Device = None,
    int8: Int8 = False,
    workers: Workers = None,
) -> None:
    """Translate the test set and score it by the spec's protocol.

    Writes RUN/evaluation-test.json and, beside it, the translations as text.
    """
    from runtime.memory import keep_freed_memory
    from runtime.run import Run

    keep_freed_memory()
    opened = Run.open(run)
    decoding = changed_decoding(opened.package.folder, beam, assignments or [])
    settings = translator_settings(device, int8, workers)
    evaluated = evaluate_run(opened, split, average, decoding, settings)
    text, _ = evaluated.write(run)
    print_evaluated(evaluated)
    print_samples(evaluated, samples)
    print(f"\ntranslations: {text}")


def evaluate_run(
    run: "Run",
    split: Literal["test", "valid"],
    average: int | None,
    decoding: "Decoding",
    settings: dict[str, Any],
) -> "Evaluated":
    from runtime.checkpoints.listing import regular_checkpoints
    from runtime.decoding.load import load_translator
    from runtime.scoring.evaluation import Evaluated
    from runtime.scoring.phenomena import phenomena_scores
    from runtime.scoring.score import score
    from runtime.scoring.scoring_set import read_scoring_set

    spec = run.package.spec
    averaged = average or spec.evaluation.average_last
    translator = load_translator(run, average=averaged, decoding=decoding, **settings)
    text = read_scoring_set(spec, split, translator.target_tokenizer)
    hypotheses, speed = timed_translations(translator, text.sources)
    return Evaluated(
        split=split,
        scores=score(hypotheses, text.references, spec.evaluation),
        protocol=spec.evaluation,
        decoding=decoding,
        int8=settings["int8"],
        workers=settings["workers"],
        averaged=min(averaged, len(regular_checkpoints(run.checkpoints))),
        speed=speed,
        phenomena=phenomena_scores(spec, hypotheses) if split == "test" else {},
        sources=text.sources,
        references=text.references,
        hypotheses=hypotheses,
    )


def timed_translations(
    translator: "Translator", sources: Sequence[str]
) -> tuple[list[str], "Speed"]:
    """The best translation of each source, with a bar on a terminal."""
    from runtime.scoring.evaluation import Speed

    started = time.perf_counter()
    with progress("translating", len(sources)) as advance:
        several = translator.translate_n_best(sources, 1, report=report, advance=advance)
    seconds = time.perf_counter() - started
    tokens = sum(best.tokens for best, *_ in several)
    speed = Speed(sentences=len(several), tokens=tokens, seconds=seconds)
    return [best.text for best, *_ in several], speed


def print_evaluated(evaluated: "Evaluated") -> None:
    decoding, speed = evaluated.decoding, evaluated.speed
    print(f"{evaluated.split} set, {speed.sentences:,} sentences")
    print_scores(evaluated.scores)
    print(
        f"\nbeam {decoding.beam}, length penalty {decoding.length_penalty} "
        f"({decoding.normalization}), checkpoints averaged: {evaluated.averaged}"
        f"{', linear maps in int8' if evaluated.int8 else ''}"
    )
    print(
        f"{speed.tokens:,} tokens in {speed.seconds:.1f} s: "
        f"{speed.tokens_per_second:,.0f} tokens a second"
    )
    if evaluated.phenomena:
        print("\nright, by difficulty")
    for name, found in evaluated.phenomena.items():
        print(f"  {name:<12} {found.share:7.1%}  {found.right:,} of {found.total:,}")


def print_samples(evaluated: "Evaluated", count: int) -> None:
    """Source, reference and translation of `count` sentences, evenly spread over the set."""
    total = len(evaluated.hypotheses)
    for index in range(0, total, max(1, total // max(1, count)))[:count]:
        print(f"\nsource       {evaluated.sources[index]}")
        print(f"reference    {evaluated.references[index]}")
        print(f"translation  {evaluated.hypotheses[index]}")
