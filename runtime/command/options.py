"""Options that several commands share, and the runs that they name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from compiler.spec.base import MOST_HYPOTHESES
from compiler.spec.decoding import DECODINGS, Decoding
from compiler.spec.load import load
from compiler.spec.lock import LOCK, load_lock
from compiler.spec.package_files import read_regular
from compiler.spec.tasks import TASKS
from runtime.command.command_line import refuse_repeated
from runtime.command.output import report
from runtime.errors import UserError

MOST_PROCESSES = 256
MOST_SHOWN = 1_000_000

Specs = Annotated[
    list[str], typer.Argument(metavar="SPEC...", help="Files, or names of the library.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the spec: model.attention.heads=4"),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Which = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="best|last|UPDATE",
        help="The best on the validation set, the mean of the last ones, or that of an update.  "
        "[default: as the spec's evaluation.checkpoint says]",
    ),
]
Beam = Annotated[
    int | None,
    typer.Option(
        "--beam",
        metavar="N",
        min=1,
        max=MOST_HYPOTHESES,
        help="Hypotheses a sentence; 1 is greedy search.",
    ),
]
NBest = Annotated[
    int,
    typer.Option(
        "--n-best", metavar="N", min=1, max=MOST_HYPOTHESES, help="The best answers to each line."
    ),
]
NoRepeatNgram = Annotated[
    int | None,
    typer.Option(
        "--no-repeat-ngram",
        metavar="N",
        min=1,
        max=100,
        help="No sequence of N tokens occurs twice in a text.",
    ),
]
RepetitionPenalty = Annotated[
    float | None,
    typer.Option(
        "--repetition-penalty",
        metavar="X",
        min=0.01,
        max=100.0,
        help="Above 1, tokens that a text already has become less likely.",
    ),
]
DecodingSettings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="decoding.length_penalty=1.0"),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="NAME", help="cpu, cuda or cuda:1; by default the GPU if any."
    ),
]
Int8 = Annotated[
    bool,
    typer.Option("--int8", help="Linear maps in 8 bits: faster on a CPU, some words change."),
]
PrecisionChoice = Annotated[
    Literal["float32", "bfloat16"] | None,
    typer.Option(
        "--precision",
        help="Of matrix products.  [default: bfloat16 on a GPU that has it, unless the spec writes "
        "float32; else float32]",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=MOST_PROCESSES,
        help="One-thread processes that share the batches on a CPU; by default as many as cores.",
    ),
]
Average = Annotated[
    int | None,
    typer.Option(
        "--average",
        metavar="N",
        min=1,
        max=MOST_SHOWN,
        help="Average the last N checkpoints kept.",
    ),
]
Engine = Literal["own", "ctranslate2", "auto"]
EngineChoice = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="The generated network; an export of it to CTranslate2, which is kept in the run and "
        "is faster on a CPU; or that where it supports the same.",
    ),
]
Recompile = Annotated[
    bool,
    typer.Option(
        "--recompile",
        help="Compile the run's spec anew and run none of the code in its folder: for runs of "
        "strangers.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def changed_decoding(
    package: Path, options: Mapping[str, float | None], assignments: Sequence[str]
) -> Decoding:
    """The `decoding:` of a package's spec, changed by options of the command line.

    `options` are those such as `--beam`, by their keys; `assignments` are `decoding.key=value`.
    Raises a UserError for a setting outside of `decoding`, which would change nothing, or one that
    is given twice; `Rejected` for an unknown key or a wrong value.
    """
    keys = dict.fromkeys(key for each in DECODINGS.values() for key in each.model_fields)
    for assignment in assignments:
        if not assignment.startswith("decoding."):
            raise UserError(
                f"--set {assignment}: a trained model has only its decoding left to choose",
                help="decoding.KEY=VALUE; KEY is one of " + ", ".join(keys),
            )
    given = (f"decoding.{key}={value}" for key, value in options.items() if value is not None)
    chosen = [*given, *assignments]
    refuse_repeated("the command line", chosen)
    return load(str(package / LOCK), chosen).spec.decoding


def translator_settings(
    device: str | None, int8: bool, workers: int | None, precision: str | None
) -> dict[str, Any]:
    """Returns the arguments of `load_as` for --device, --int8, --workers and --precision."""
    from runtime.inference.worker_pool import most_workers
    from runtime.system.devices import own_device

    place = own_device(device)
    return {
        "device": str(place),
        "int8": int8,
        "workers": workers or most_workers(place),
        "precision": precision,
    }


def check_device(name: str | None) -> str | None:
    """The name of a device that is there. Raises a UserError for any other."""
    from runtime.system import devices

    if name is not None:
        devices.check_device(name)
    return name


if TYPE_CHECKING:
    from runtime.run import Run


def open_any_run(folder: Path, checkpoint: str | None, recompile: bool) -> "Run":
    """The run in a folder; with `recompile` none of the code in the folder is imported."""
    from runtime.run import Run

    return Run.open(folder, checkpoint, recompiled_files(folder) if recompile else None)


def open_run(folder: Path, command: str, checkpoint: str | None, recompile: bool) -> "Run":
    """The run in a folder. Raises a UserError if this command is not for its task."""
    run = open_any_run(folder, checkpoint, recompile)
    task = run.package.spec.task
    own = TASKS[task].command
    if own != command:
        raise UserError(
            f"{folder} has `task: {task}`, which `{command}` is not for",
            help=f"`specformer {own} {folder}` is",
        )
    return run


def say_weights(run: "Run") -> None:
    """Prints which checkpoints the answers come from."""
    report(f"weights: {run.used()}")


def report_fewer(run: "Run", average: int | None) -> None:
    """Say where a run keeps fewer checkpoints than `--average` asks for."""
    if average is not None and (there := len(run.averaged(average))) < average:
        taken = f"the last {there} are" if there > 1 else "the last one is"
        report(f"--average {average}: {run.folder} keeps fewer checkpoints; {taken} taken")


def recompiled_files(run: Path) -> Mapping[str, bytes]:
    """The package of the spec in a run's lock, which may be a stranger's, by file name.

    Raises a UserError if there is no lock that can be read, `Rejected` if it is no spec.
    """
    from compiler.pipeline import compile_loaded

    path = run / "package" / LOCK
    try:
        content = read_regular(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}",
            help="--recompile compiles the spec that is there",
        ) from error
    compiled = compile_loaded(load_lock(path, content))
    return {name: text.encode() for name, text in compiled.files.items()}
