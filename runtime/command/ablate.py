"""`specformer ablate`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.command.options import Device, Settings, check_device
from runtime.command.output import report, say_warnings

if TYPE_CHECKING:
    from compiler.ablation.expand import Expansion
    from runtime.ablation.launcher import Launcher
    from runtime.ablation.queue import Wanted
    from runtime.ablation.record import Queue


def ablate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of an ablation.")],
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="[default: runs/NAME]")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and end; nothing is written.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", metavar="N", min=1, help="Rows at a time.  [default: one a GPU or core]"
        ),
    ] = None,
    processes: Annotated[
        int,
        typer.Option(
            "--processes-per-row", metavar="N", min=1, help="That train a row together: GPUs."
        ),
    ] = 1,
    device: Device = None,
    cache: Annotated[
        Path, typer.Option("--cache", metavar="FOLDER", help="Where prepared text is kept.")
    ] = Path("data/prepared"),
) -> None:
    """Train and score all rows of an ablation, and make the table.

    Ctrl-C saves everything; the same command goes on: rows that are done do not run again.
    """
    from compiler.ablation.expand import expand
    from runtime.ablation.local import local_room
    from runtime.ablation.queue import add_to_queue, owned_folder, refuse_others
    from runtime.command.ablation_plan import show_plan

    expansion = expand(file, settings or ())
    say_warnings(expansion.warnings)
    folder, wanted = out or Path("runs", expansion.name), wanted_of(expansion)
    refuse_others(folder)
    room = local_room(jobs, processes, check_device(device))
    if dry_run:
        show_plan(folder, wanted, room)
        return
    with owned_folder(folder):
        show_plan(folder, wanted, room)
        queue = add_to_queue(folder, wanted)
        run_queue(folder, queue, room.pool(cache))
        finish(folder, queue)


def wanted_of(expansion: "Expansion") -> "Wanted":
    """The rows as they would be queued now."""
    from runtime.ablation.queue import Entry, Wanted

    entries = tuple(
        Entry(
            row=row.name,
            group=row.group,
            seed=seed,
            settings=row.settings,
            spec=row.spec_with(seed),
            files=row.files(seed),
            parameters=row.parameters,
            flops=row.flops,
        )
        for row in expansion.rows
        for seed in expansion.seeds
    )
    return Wanted(
        ablation=expansion.name,
        columns=expansion.columns,
        varied=expansion.varied,
        entries=entries,
    )


def run_queue(folder: Path, queue: "Queue", launcher: "Launcher") -> None:
    from runtime.ablation.files import ROWS
    from runtime.ablation.running import run_rows

    folders = [folder / ROWS / each.name for each in queue.queued]
    run_rows(folders, launcher, sys.argv[1:], report)


def finish(folder: Path, queue: "Queue") -> None:
    """Says what there is; exit code 1 if a row has failed."""
    from runtime.ablation.files import RESULT, ROWS
    from runtime.ablation.running import outcome

    failed = [
        each.name for each in queue.queued if not (folder / ROWS / each.name / RESULT).is_file()
    ]
    for name in failed:
        report(f"{name}: {outcome(folder / ROWS / name)}")
    if failed:
        raise typer.Exit(1)
