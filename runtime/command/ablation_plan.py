"""What an ablation will do, shown before it does it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from compiler.format import engineering
from runtime.ablation.changes import changes
from runtime.ablation.eta import Speed, finished_speed, measured_speed
from runtime.ablation.files import FAILURE, RESULT, ROWS, RUN
from runtime.ablation.local import Room
from runtime.ablation.queue import Entry, Wanted, read_queue
from runtime.ablation.render.text import width_of
from runtime.command.output import report
from runtime.system.terminal import Console

STATES = ("done", "failed", "half done", "to do")


def show_plan(folder: Path, wanted: Wanted, room: Room | None) -> None:
    """Rows, what each changes, what it costs, and how long all will take; nothing if all is done.

    Without `room` the rows run on other machines, whose speed is known by what they have finished.
    Raises a UserError if rows would be added to another base than the queued one.
    """
    queue = read_queue(folder)
    if queue is not None:
        for line in changes(folder, queue, wanted).lines:
            report(line)
    left = [each for each in wanted.entries if state(folder, each) != "done"]
    if not left:
        return
    speed = finished_speed(folder, queue.queued if queue else ()) or _measured(wanted, room)
    _print(_table(folder, wanted, speed))
    print(*_totals(folder, wanted, left, room, speed), sep="\n")


def _print(table: Table) -> None:
    """As wide as it is, where nobody folds it: in files and pipes."""
    console = Console()
    if not console.is_terminal:
        console.width = width_of(table, console)
    console.print(table)


def state(folder: Path, entry: Entry) -> str:
    """How far a run is."""
    place = folder / ROWS / entry.name
    marks = {"done": RESULT, "failed": FAILURE, "half done": RUN}
    return next((word for word, mark in marks.items() if (place / mark).exists()), "to do")


def _measured(wanted: Wanted, room: Room | None) -> Speed | None:
    if room is None:
        return None
    return measured_speed(wanted.entries[0].spec, room.threads, room.device)


def _table(folder: Path, wanted: Wanted, speed: Speed | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("group", "row"):
        table.add_column(name, no_wrap=True)
    for name in ("parameters", "updates", "FLOPs", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("runs", no_wrap=True)
    table.add_column("changes", overflow="fold")
    rows: dict[str, list[Entry]] = {}
    for each in wanted.entries:
        rows.setdefault(each.row, []).append(each)
    for entries in rows.values():
        table.add_row(*_cells(folder, entries, speed))
    return table


def _cells(folder: Path, entries: Sequence[Entry], speed: Speed | None) -> Iterator[str]:
    first = entries[0]
    yield from (escape(first.group), first.row)
    yield f"{first.parameters:,}"
    training, flops = first.spec.training, first.flops
    yield f"{training.steps:,}" if training.steps else f"{training.epochs:,} epochs"
    yield engineering(flops) if flops else f"{engineering(first.flops_per_update)} an update"
    yield duration(flops / speed.flops) if speed and flops else "?"
    yield _states([state(folder, each) for each in entries])
    yield escape(", ".join(f"{key}: {text}" for key, text in first.settings.items()))


def _states(states: Sequence[str]) -> str:
    counts = {word: states.count(word) for word in STATES}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _totals(
    folder: Path,
    wanted: Wanted,
    left: Sequence[Entry],
    room: Room | None,
    speed: Speed | None,
) -> Iterator[str]:
    flops = sum(each.flops or 0 for each in left)
    open_ended = sum(each.flops is None for each in left)
    rows = len({each.row for each in wanted.entries})
    seeds = len(wanted.entries) // rows
    yield ""
    each = f"{seeds} seeds" if seeds > 1 else "1 seed"
    yield f"{rows} rows x {each} = {len(wanted.entries)} runs, {len(left)} to do in {folder}"
    yield f"{_room(room)}, {engineering(flops)}FLOP in all"
    if open_ended:
        yield f"and {open_ended} runs whose epochs are counted in updates once text is prepared"
    elif speed is None:
        yield "the time is known once a row is done"
    else:
        time = duration(flops / speed.flops / (room.jobs if room else 1))
        yield f"about {time}, at {engineering(speed.flops)}FLOP/s a run, {speed.source}"


def _room(room: Room | None) -> str:
    if room is None:
        return "jobs of a cluster"
    threads = "a thread" if room.threads == 1 else f"{room.threads} threads"
    return f"{room.jobs} at a time, {threads} for each process"


def duration(seconds: float) -> str:
    """Rounded to what one still cares for."""
    for unit, size, least in (("days", 86400, 3), ("h", 3600, 2), ("min", 60, 2)):
        if seconds >= least * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"
