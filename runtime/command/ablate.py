"""`specformer ablate`."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache as cache_results
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.source.read import plain_value
from runtime.command.options import MOST_PROCESSES, Device, Settings, check_device
from runtime.command.output import report, say_warnings
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.ablation.expand import Expansion, Tuned
    from compiler.ablation.tuning import Choices
    from runtime.ablation.collect import Ablation
    from runtime.ablation.launchers import Launcher, Room


Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        min=1,
        max=MOST_PROCESSES,
        help="Rows at a time.  [default: one a GPU or core]",
    ),
]
ProcessesOfRow = Annotated[
    int,
    typer.Option(
        "--processes-per-row",
        metavar="N",
        min=1,
        max=MOST_PROCESSES,
        help="Processes (GPUs) that train a row together.",
    ),
]


def ablate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of an ablation.")],
    settings: Settings = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="[default: runs/NAME]")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and end; nothing is written.")
    ] = False,
    tables: Annotated[
        bool, typer.Option("--report", help="Make tables and report of what is done, and end.")
    ] = False,
    jobs: Jobs = None,
    processes: ProcessesOfRow = 1,
    device: Device = None,
    launcher: Annotated[
        Literal["local", "slurm"], typer.Option("--launcher", help="Where rows run.")
    ] = "local",
    slurm: Annotated[
        list[str] | None,
        typer.Option("--slurm", metavar="KEY=VALUE", help="For the jobs: partition=gpu"),
    ] = None,
    cache: Annotated[
        Path, typer.Option("--cache", metavar="FOLDER", help="Where prepared text is kept.")
    ] = Path("data/prepared"),
) -> None:
    """Train and score all rows of an ablation, and make the table.

    Ctrl-C saves everything; the same command goes on: rows that are done do not run again.
    """
    from compiler.ablation.expand import expand, expand_tuning
    from runtime.ablation.queue import owned_folder, refuse_others
    from runtime.ablation.record import TUNING
    from runtime.ablation.tuning import say_choices
    from runtime.command.ablation_plan import show_plan

    expansion = expand(file, settings or ())
    tuned = expand_tuning(file, settings or ())
    say_warnings(expansion.warnings)
    folder = out or Path("runs", expansion.name)
    refuse_others(folder)
    options = Options(
        launcher=launcher, jobs=jobs, processes=processes, device=device, slurm=slurm or []
    )
    if tables:
        finish(folder)
    elif dry_run:
        if tuned is not None:
            show_plan(folder / TUNING, tuned.runs, options.room_for(tuned.runs))
            print(f"\nThen each row, with the {tuned.tuning.key} that did best for it:\n")
        show_plan(folder, expansion, options.room_for(expansion))
    elif tuned is None:
        train_rows(expansion, folder, options, cache)
    else:
        options.room_for(expansion)  # raises a UserError before anything runs
        with owned_folder(folder):
            choices = tune_rows(tuned, folder / TUNING, options, cache)
        chosen = expand(file, settings or (), choices)
        train_rows(chosen, folder, options, cache, (say_choices(tuned, choices),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options that say where rows run, and how many at a time."""

    launcher: Literal["local", "slurm"]
    jobs: int | None
    processes: int
    device: str | None
    slurm: list[str]

    def room_for(self, expansion: "Expansion") -> "Room | None":
        """Return what this machine has; None where rows run elsewhere.

        Raises a UserError for options that have no effect, and for rows that cannot run elsewhere.
        """
        from runtime.ablation.launchers import local_room

        if self.launcher == "slurm":
            if self.device:
                raise UserError("--device has no effect on jobs", help="--slurm gpus_per_node=1")
            refuse_epochs(expansion)
            return None
        if self.slurm:
            raise UserError("--slurm has no effect on this machine", help="--launcher slurm")
        return local_room(self.jobs, self.processes, check_device(self.device))

    def launcher_with(self, room: "Room | None", folder: Path, cache: Path) -> "Launcher":
        """Return what starts the rows."""
        if room is not None:
            return room.pool(cache)
        from runtime.ablation.launchers import Slurm

        parameters = slurm_parameters(self.slurm)
        return Slurm(folder, parameters, cache=cache, processes=self.processes, jobs=self.jobs)


def refuse_epochs(expansion: "Expansion") -> None:
    """Raise a UserError for a row whose epochs would be counted for a machine that is not known.

    How many updates they are depends on the form of its batches, which a GPU has others than a CPU.
    """
    for row in expansion.rows:
        if row.spec.training.epochs is not None:
            raise UserError(
                f"row {row.name} sets training.epochs, and how many updates these are depends on "
                "the machines that Slurm will choose",
                help="set training.steps instead; `specformer train` of one row on such a machine "
                "says how many updates its epochs are",
            )


def counted(expansion: "Expansion", cache: Path, device: str | None) -> "Expansion":
    """The rows with their epochs counted in updates, for which their text is prepared.

    The first seed counts for all of them, so that all have equally many.
    """
    import torch

    from runtime.data.prepare import prepare
    from runtime.package import PACKED
    from runtime.training.batching import padded_kind
    from runtime.training.computation import Computation
    from runtime.training.update import updates_of

    rows = []
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    for row in expansion.rows:
        training = row.spec.training
        if training.epochs is not None:
            prepared = prepare(row.spec, cache, report=report)
            kind = Computation.resolve(training, place).batching
            if kind == "packed" and PACKED not in row.package.files:
                kind = padded_kind(place)
            updates = updates_of(row.spec, prepared, kind)
            report(f"{row.name}: {training.epochs:,} epochs of its text are {updates:,} updates")
            row = row.lasting(min(updates, training.steps or updates))
        rows.append(row)
    return replace(expansion, rows=tuple(rows))


def tune_rows(tuned: "Tuned", folder: Path, options: Options, cache: Path) -> "Choices":
    """Train and score the short runs that are not done, and return what each row chooses."""
    from runtime.ablation.queue import add_to_queue, owned_folder
    from runtime.ablation.tuning import choices_of, unfinished_runs
    from runtime.command.ablation_plan import show_plan

    room = options.room_for(tuned.runs)
    expansion = counted(tuned.runs, cache, options.device)
    with owned_folder(folder):
        start = options.launcher_with(room, folder, cache)
        show_plan(folder, expansion, room)
        queue = add_to_queue(folder, expansion, differences(expansion))
        run_folders(unfinished_runs(folder, queue), start)
        show_tables(folder)
    return choices_of(folder, tuned)


def train_rows(
    expansion: "Expansion",
    folder: Path,
    options: Options,
    cache: Path,
    notes: tuple[str, ...] = (),
) -> None:
    """Train and score the rows that are not done, and make the table, with `notes` below it."""
    from runtime.ablation.queue import add_to_queue, owned_folder
    from runtime.ablation.record import ROWS
    from runtime.command.ablation_plan import show_plan

    room = options.room_for(expansion)
    expansion = counted(expansion, cache, options.device)
    with owned_folder(folder):
        start = options.launcher_with(room, folder, cache)
        show_plan(folder, expansion, room)
        queue = add_to_queue(folder, expansion, differences(expansion), notes)
        run_folders([folder / ROWS / each.name for each in queue.queued], start)
        finish(folder)


def run_folders(folders: "Sequence[Path]", launcher: "Launcher") -> None:
    """Train and score the runs in these folders that are not done."""
    from runtime.ablation.running import run_rows

    run_rows(folders, launcher, sys.argv[1:], report)


def finish(folder: Path) -> None:
    """Make tables and report, print the table; exit code 1 if a row has failed."""
    if any(each.failure for each in show_tables(folder).outcomes):
        raise typer.Exit(1)


def show_tables(folder: Path) -> "Ablation":
    """Make tables and report, print the table; return what the folder holds."""
    from runtime.ablation.grid import fitting
    from runtime.ablation.outputs import tabulate, write_reports
    from runtime.command.page import print_page, terminal_width

    tabulated, width = tabulate(folder), terminal_width()
    paths = write_reports(tabulated)
    print_page(fitting(tabulated.grid, width) if width else tabulated.grid)
    if tabulated.lengths is not None:
        typer.echo()
        print_page(tabulated.lengths)
    typer.echo(f"\nin {folder}: {', '.join(path.name for path in paths)}")
    return tabulated.ablation


def differences(expansion: "Expansion") -> Callable[[str], str]:
    """Return a function that makes a piece of a page of what a row changes, worked out once."""
    from compiler.diff.difference import difference, document
    from compiler.diff.operand import of_package
    from compiler.page.html import fragment

    sides = {row.name: of_package(row.package, row.name) for row in expansion.rows}
    base = sides[expansion.base.name]
    return cache_results(lambda row: fragment(document(difference(base, sides[row]))))


def slurm_parameters(assignments: Sequence[str]) -> dict[str, object]:
    """Read `partition=gpu` and the like. Raises a UserError for what is no assignment."""
    parameters: dict[str, object] = {}
    for each in assignments:
        key, equals, value = each.partition("=")
        if not equals or not key.isidentifier():
            raise UserError(f"--slurm {each}: expected KEY=VALUE", help="--slurm partition=gpu")
        parameters[key] = plain_value(value)
    return parameters
