"""Opens runs for the commands of their tasks, recompiled if their code is not to be trusted."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.spec.lock import LOCK, load_lock
from compiler.spec.package_files import read_regular
from compiler.spec.tasks import TASKS
from runtime.command.output import report
from runtime.errors import UserError

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
