"""`specformer train`."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from difflib import SequenceMatcher
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.spec.kinds_of_files import RUN_RECORD
from compiler.spec.lock import LOCK, read_lock
from compiler.spec.tasks import TASKS
from compiler.spec.training import Training
from runtime.command.options import Device, check_device
from runtime.command.output import report, say_warnings
from runtime.command.test_sets import DataFolder
from runtime.errors import UserError
from runtime.system.process import is_first_process, resuming
from runtime.training.interruption import Interruption

if TYPE_CHECKING:
    from runtime.package import Package
    from runtime.training.train import Summary

CACHE = Path("data/prepared")
NO_STEPS = ("training.steps", "null")
"""The setting that removes the number of updates, for `training.epochs`."""


Trained = Annotated[
    str,
    typer.Argument(
        metavar="SPEC|PACKAGE",
        help="The name or the file of a spec; or the folder of a generated package, "
        "which is trained as it is, edits by hand included.",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--steps",
        metavar="N",
        min=1,
        max=2**31 - 1,
        help="Train N updates: warm-up, decay and time between validations shrink as much.",
    ),
]
Trackers = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME",
        help="Show the figures in a tracker, too: wandb, trackio; tensorboard needs no --track.",
    ),
]
Shard = Annotated[
    bool,
    typer.Option(
        "--shard",
        help="Keep a share of weights, gradients and optimizer in each process of torchrun.",
    ),
]


def train(
    spec: Trained,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the spec: training.steps=3000"),
    ] = None,
    steps: Steps = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="The run's folder.  [default: runs/NAME]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run from its last checkpoint.")
    ] = False,
    shard: Shard = False,
    trackers: Trackers = None,
    device: Device = None,
    data: DataFolder = None,
    cache: Annotated[
        Path, typer.Option("--cache", metavar="FOLDER", help="Where prepared text is kept.")
    ] = CACHE,
) -> None:
    """Train a model: compile its spec, prepare the text, learn.

    Ctrl-C saves everything; --resume goes on where it stopped.
    """
    import torch

    from runtime.scoring.translations import greedy_bleu
    from runtime.system.process import keep_freed_memory
    from runtime.training.train import train as train_package

    keep_freed_memory()
    place = check_device(device)
    with package_folder(spec, changes(spec, assignments or [], steps, data)) as folder:
        package = open_package(folder, data if is_package(spec) else None)
        run = out or Path("runs", package.spec.name)
        if resume and not is_package(spec):
            package = with_own_recipe(run, package)
        with repeating(kept_options(shard, trackers or [], device, cache)):
            summary = train_package(
                package,
                run,
                cache=cache,
                resume=resume,
                device=torch.device(place) if place else None,
                score=greedy_bleu(package.spec),
                with_steps=with_steps,
                is_sharded=shard,
                trackers=trackers or [],
                report=report,
            )
    if is_first_process():  # torchrun starts the command once for each process
        training = read_lock(summary.folder / "package" / LOCK).training
        print_summary(summary, training, TASKS[package.spec.task].command)


@contextmanager
def repeating(options: Sequence[str]) -> Iterator[None]:
    """Let the help of an Interruption name options of this command, which no run remembers."""
    try:
        yield
    except Interruption as stop:
        stop.repeat(options)
        raise


def kept_options(
    shard: bool, trackers: Sequence[str], device: str | None, cache: Path
) -> list[str]:
    """Return the options that a command which goes on with a run has to be given again."""
    options = ["--shard"] if shard else []
    for name in trackers:
        options += ["--track", name]
    if device is not None:
        options += ["--device", device]
    return options if cache == CACHE else [*options, "--cache", str(cache)]


def changes(
    spec: str, assignments: Sequence[str], steps: int | None, data: Path | None
) -> list[str]:
    """Return the settings of `--set`, and those by which `--steps` and `--data` change a spec."""
    every = [*assignments]
    if steps is not None:
        every += rescaled(spec, assignments, steps)
    if data is not None and not is_package(spec):
        every.append(f"data.folder={json.dumps(str(data))}")
    return every


def open_package(folder: Path, data: Path | None) -> "Package":
    """Return the package in a folder, with another `data.folder` if one is given."""
    from runtime.package import load_package

    package = load_package(folder)
    return package if data is None else moved(package, data)


def rescaled(reference: str, assignments: Sequence[str], steps: int) -> list[str]:
    """The settings that make the training of a spec as long as `--steps` says, which it reports.

    The peak stays, and lengths that are counted in updates keep their proportion, except those that
    `--set` gives.
    """
    from compiler.spec.load import load
    from compiler.spec.scaling import scaled

    parts = [each.partition("=") for each in assignments]
    given = {key.strip() for key, _, value in parts if (key.strip(), value.strip()) != NO_STEPS}
    if "training.steps" in given:
        raise UserError(
            "--steps and `--set training.steps` say how long to train: give one",
            help=f"leave `--set training.steps` out: --steps {steps} shortens the schedule, too",
        )
    if is_package(reference):
        return [f"training.steps={steps}"]  # `package_folder` refuses it
    training = load(reference, assignments).spec.training
    settings = {key: each for key, each in scaled(training, steps).items() if key not in given}
    every = [f"{key}={value}" for key, value in settings.items()]
    if is_first_process():
        report(f"{steps:,} updates instead of {training.length}: {', '.join(every)}")
    return every


def is_package(reference: str) -> bool:
    """Return whether the reference is a folder of generated code, not a spec."""
    return os.path.lexists(Path(reference, "model.py"))


@contextmanager
def package_folder(reference: str, assignments: Sequence[str]) -> Iterator[Path]:
    """The generated package to train. That of a spec is gone afterwards, since the run has a copy.

    Raises a UserError for changes to a package: it is no spec any more.
    """
    given = Path(reference)
    if (given / RUN_RECORD).is_file():
        raise UserError(
            f"{given} is a run, not a spec or a package",
            help=f"continue it with `{resuming(given)}`",
        )
    if not is_package(reference):
        with TemporaryDirectory(prefix="specformer-") as temporary:
            yield compile_into(Path(temporary), reference, assignments)
    elif assignments:
        raise UserError(
            f"--set changes a spec, and {given} is a generated package",
            help="give the spec, or edit the package's files",
        )
    else:
        yield given


def moved(package: "Package", data: Path) -> "Package":
    """The package with another `data.folder`."""
    from compiler.spec.lock import lock_text

    own = package.spec
    spec = own.model_copy(update={"data": own.data.model_copy(update={"folder": str(data)})})
    files = {**package.files, LOCK: lock_text(spec).encode()}
    return replace(package, spec=spec, files=files)


def with_steps(package: "Package", steps: int) -> "Package":
    """The package compiled anew once its epochs are known to be `steps` updates.

    Raises a UserError where its training.py was edited by hand and must hold that number.
    """
    from compiler.pipeline import compile_loaded
    from compiler.spec.lock import load_lock
    from compiler.spec.scaling import lasting
    from runtime.package import TRAINING, import_package

    loaded = load_lock(package.folder / LOCK, package.files[LOCK])
    before = compile_loaded(loaded).files[TRAINING].encode()
    compiled = {
        name: text.encode() for name, text in compile_loaded(lasting(loaded, steps)).files.items()
    }
    is_edited = package.files[TRAINING] != before
    if is_edited and compiled[TRAINING] != before:
        raise UserError(
            f"{package.folder / TRAINING} was edited by hand, and its schedule ends with the "
            "training, whose updates follow from the text",
            help=f"write `STEPS = {steps}` there, and `steps: {steps}` below `training` in {LOCK}",
        )
    files = {**package.files, LOCK: compiled[LOCK]}
    if not is_edited:
        files[TRAINING] = compiled[TRAINING]
    return import_package(package.folder, files)


def compile_into(folder: Path, reference: str, assignments: Sequence[str]) -> Path:
    """Writes the package of a spec into a new folder of that folder."""
    from compiler.pipeline import compile_spec

    compiled = compile_spec(reference, assignments)
    if is_first_process():
        say_warnings(compiled.warnings)
    package = folder / compiled.folder_name
    compiled.write(package)
    return package


def with_own_recipe(run: Path, package: "Package") -> "Package":
    """Returns the compiled package with the training.py that its run goes on with.

    It is the run's own where another version of specformer wrote that, and where the package that
    the run began with was edited: the settings of now are carried over. Raises a UserError where
    that cannot be done, or the file was edited since.
    """
    from compiler.pipeline import compile_spec
    from runtime.package import TRAINING, is_same_code
    from runtime.run_record import BEGUN, is_as_begun, is_of_other_version

    own, lock = (run / "package" / name for name in (TRAINING, LOCK))
    if not (own.is_file() and lock.is_file()):
        return package
    recipe, written = own.read_bytes(), compile_spec(str(lock)).files[TRAINING].encode()
    is_untouched = (run / BEGUN).is_file() and is_as_begun(run, TRAINING)
    if recipe == written or (is_untouched and is_same_code(recipe, written)):
        return package
    if read_lock(lock) == package.spec:
        if is_untouched:
            report(f"the run goes on with its own {TRAINING}, which its spec does not compile to")
            package = replace(package, files={**package.files, TRAINING: recipe})
        return package
    carried = None
    if is_untouched and is_of_other_version(run):
        carried = carried_over(recipe.decode(), written.decode(), package.files[TRAINING].decode())
    if carried is None:
        raise UserError(
            f"{own} is not what its spec compiles to: it was edited by hand, or written by another "
            "version of specformer, and the settings of now would replace it",
            help=f"compile the spec, edit its {TRAINING} in the same way, and train that package",
        )
    return replace(package, files={**package.files, TRAINING: carried.encode()})


def carried_over(own: str, before: str, after: str) -> str | None:
    """Changes a text as `before` became `after`; returns None if it lacks a changed place."""
    old, new = (each.splitlines(keepends=True) for each in (before, after))
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        changed = "".join(old[a:b])
        if kind != "equal":
            if own.count(changed) != 1:
                return None
            own = own.replace(changed, "".join(new[c:d]))
    return own


def print_summary(summary: "Summary", training: Training, command: str) -> None:
    """Prints how a training has ended, and what comes next."""
    duration = timedelta(seconds=round(summary.seconds))
    print(f"{summary.step:,} updates in {duration}: {_reason(summary, training)}")
    if summary.best_step is not None:
        metric = training.validation.metric
        print(f"best {metric} on the validation set: {summary.best_score:.3f}", end="")
        print(f", after update {summary.best_step:,}")
    print(f"the run: {summary.folder}")
    print(f"next:    specformer evaluate {summary.folder}")
    print(f"         specformer {command} {summary.folder}")


def _reason(summary: "Summary", training: Training) -> str:
    """Return why the training ended."""
    if summary.reason == "patience":
        return "no improvement within `patience`"
    if summary.reason == "minutes":
        return f"the updates took the {training.length} that the spec says"
    if summary.step > training.updates:
        return f"the spec says {training.updates:,}, and the run had more already"
    return "as many as the spec says"
