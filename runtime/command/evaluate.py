"""`specformer evaluate`."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from compiler.spec.load import load
from compiler.spec.lock import LOCK
from compiler.spec.tasks import TASKS
from runtime.command.command_line import refuse_repeated
from runtime.command.options import (
    MOST_SHOWN,
    Average,
    Beam,
    DecodingSettings,
    Device,
    Engine,
    EngineChoice,
    Int8,
    NoRepeatNgram,
    PrecisionChoice,
    Recompile,
    RepetitionPenalty,
    RunFolder,
    Which,
    Workers,
    changed_decoding,
    check_device,
    open_any_run,
    report_fewer,
    translator_settings,
)
from runtime.command.output import print_scores, report
from runtime.command.test_sets import DataFolder, Tests, scored_texts
from runtime.errors import UserError
from runtime.system.terminal import progress

if TYPE_CHECKING:
    from compiler.spec.decoding import Decoding
    from runtime.run import Run
    from runtime.scoring.measures import Measured
    from runtime.scoring.translations import Evaluated

SAMPLES = 3
STRIDE = "evaluation.stride="


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command line."""

    average: int | None
    beam: int | None
    no_repeat_ngram: int | None
    repetition_penalty: float | None
    assignments: list[str]
    samples: int | None
    device: str | None
    int8: bool
    precision: Literal["float32", "bfloat16"] | None
    workers: int | None
    engine: Engine

    def refuse_those_of_translation(self, task: str) -> None:
        """Refuse options of decoding for a task that does not decode."""
        for name, value in (
            ("--beam", self.beam),
            ("--no-repeat-ngram", self.no_repeat_ngram),
            ("--repetition-penalty", self.repetition_penalty),
            ("--samples", self.samples),
            ("--int8", self.int8),
            ("--workers", self.workers),
            ("--engine", self.engine if self.engine != "own" else None),
        ):
            if value not in (None, False, []):
                raise UserError(
                    f"{name} has no effect on the scores of `task: {task}`",
                    help="leave it out: nothing is decoded",
                )


def evaluate(
    run: RunFolder,
    split: Annotated[
        Literal["test", "valid"] | None,
        typer.Option("--split", help="All test sets, or the validation set.  [default: test]"),
    ] = None,
    tests: Tests = None,
    data: DataFolder = None,
    average: Average = None,
    checkpoint: Which = None,
    beam: Beam = None,
    no_repeat_ngram: NoRepeatNgram = None,
    repetition_penalty: RepetitionPenalty = None,
    assignments: DecodingSettings = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="N",
            min=0,
            max=MOST_SHOWN,
            help="Translations to show.  [default: 3]",
        ),
    ] = None,
    device: Device = None,
    int8: Int8 = False,
    precision: PrecisionChoice = None,
    workers: Workers = None,
    engine: EngineChoice = "own",
    recompile: Recompile = False,
) -> None:
    """Score a model on its test sets by the spec's protocol: translations, probabilities, labels.

    Writes RUN/evaluation-test.json, or one of the test set's name, and, beside it, translations
    or labels as text.
    """
    from runtime.system.process import keep_freed_memory

    keep_freed_memory()
    opened, names = scored_texts(open_any_run(run, checkpoint, recompile), split, tests or [], data)
    options = Options(
        average=average,
        beam=beam,
        no_repeat_ngram=no_repeat_ngram,
        repetition_penalty=repetition_penalty,
        assignments=assignments or [],
        samples=samples,
        device=device,
        int8=int8,
        precision=precision,
        workers=workers,
        engine=engine,
    )
    report_fewer(opened, average)
    for name in names:
        if TASKS[opened.package.spec.task].command == "translate":
            evaluate_translations(opened, name, options)
        else:
            evaluate_probabilities(opened, name, options)


def evaluate_translations(run: "Run", split: str, options: Options) -> None:
    from runtime.command.engines import chosen_network
    from runtime.scoring.translations import evaluate_translations as score_translations

    keys = ("beam", "no_repeat_ngram", "repetition_penalty")
    chosen = {key: getattr(options, key) for key in keys}
    decoding = changed_decoding(run.package.folder, chosen, options.assignments)
    settings = translator_settings(options.device, options.int8, options.workers, options.precision)
    network = chosen_network(run, options.engine, decoding, settings, options.average)
    evaluated = score_translations(
        run,
        split,
        average=options.average,
        decoding=decoding,
        network=network,
        progress=progress,
        report=report,
        **settings,
    )
    text, _ = evaluated.write(run.folder)
    print_evaluated(evaluated)
    print_samples(evaluated, SAMPLES if options.samples is None else options.samples)
    print(f"\ntranslations: {text}")


def evaluate_probabilities(run: "Run", split: str, options: Options) -> None:
    from runtime.scoring.evaluate import evaluate_run

    options.refuse_those_of_translation(run.package.spec.task)
    run = with_stride(run, options.assignments)
    device = check_device(options.device)
    asked = {"average": options.average, "device": device, "precision": options.precision}
    found = cast("Measured", evaluate_run(run, split, **asked))
    report_file = found.write(run.folder)
    print(f"{found.split} set, {found.texts:,} texts; weights: {found.weights}")
    if found.precision != "float32":
        print(f"{found.precision} products")
    for each in found.ordered:
        print(f"  {each}")
    print(f"\nscores: {report_file}")


def with_stride(run: "Run", assignments: list[str]) -> "Run":
    """Return a run whose windows of running text overlap as `evaluation.stride=N` says.

    Raises a UserError for every other setting, `Rejected` for a stride that cannot be.
    """
    for assignment in assignments:
        if not assignment.startswith(STRIDE):
            raise UserError(
                f"--set has no effect on the scores of `task: {run.package.spec.task}`: "
                f"{assignment}",
                help=f"leave it out: nothing is decoded; `{STRIDE}N` changes the windows of "
                "running text",
            )
    if not assignments:
        return run
    refuse_repeated("the command line", assignments)
    chosen = load(str(run.package.folder / LOCK), assignments).spec.evaluation
    spec = run.package.spec.model_copy(update={"evaluation": chosen})
    return replace(run, package=replace(run.package, spec=spec))


def print_evaluated(evaluated: "Evaluated") -> None:
    decoding, speed = evaluated.decoding, evaluated.speed
    print(f"{evaluated.split} set, {speed.sentences:,} sentences")
    print_scores(evaluated.scores)
    print(
        f"\n{described(decoding)}{', linear maps in int8' if evaluated.int8 else ''}"
        f"{f', {evaluated.precision} products' if evaluated.precision != 'float32' else ''}"
    )
    print(f"weights: {evaluated.weights}")
    if evaluated.engine != "own":
        print(f"engine: {evaluated.engine}")
    print(
        f"{speed.tokens:,} tokens in {speed.seconds:.1f} s: "
        f"{speed.tokens_per_second:,.0f} tokens a second"
    )
    if evaluated.phenomena:
        print("\nright, by difficulty")
    for name, found in evaluated.phenomena.items():
        print(f"  {name:<12} {found.share:7.1%}  {found.right:,} of {found.total:,}")


def described(decoding: "Decoding") -> str:
    """Returns the settings of a decoding in words."""
    from runtime.inference.methods import method_of

    words = [*method_of(decoding).words()]
    if decoding.no_repeat_ngram is not None:
        words.append(f"no {decoding.no_repeat_ngram} tokens twice in sequence")
    if decoding.repetition_penalty is not None:
        words.append(f"repetition penalty {decoding.repetition_penalty}")
    if decoding.prefix is not None:
        words.append(f"after the prefix {decoding.prefix!r}")
    if decoding.ends is not None:
        words.append(f"ended by {', '.join(decoding.ends)}, too")
    return ", ".join(words)


def print_samples(evaluated: "Evaluated", count: int) -> None:
    """Source, reference and translation of `count` sentences, evenly spread over the set."""
    total = len(evaluated.hypotheses)
    for index in range(0, total, max(1, total // max(1, count)))[:count]:
        print(f"\nsource       {evaluated.sources[index]}")
        print(f"reference    {evaluated.references[index]}")
        print(f"translation  {evaluated.hypotheses[index]}")
