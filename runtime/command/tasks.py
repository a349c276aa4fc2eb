"""Opens runs for the commands of their tasks."""

from pathlib import Path
from typing import TYPE_CHECKING

from compiler.spec.tasks import TASKS
from runtime.command.output import report
from runtime.command.recompile import recompiled_files
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
