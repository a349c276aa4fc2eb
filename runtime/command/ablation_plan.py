"""The plan of an ablation, shown before anything runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from compiler.format import engineering
from compiler.page.model import Table, columns
from runtime.ablation.eta import Speed, finished_speed, measured_speed
from runtime.ablation.launchers import Room
from runtime.ablation.queue import Entry, Wanted, changes, read_queue
from runtime.ablation.record import FAILURE, RESULT, ROWS, RUN
from runtime.command.output import report
from runtime.command.page import print_page

STATES = ("done", "failed", "half done", "to do")


def show_plan(folder: Path, wanted: Wanted, room: Room | None) -> None:
    """Print the rows, their changes and costs, and the time for all; nothing if all is done.

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
    print_page(_table(folder, wanted, speed))
    print(*_totals(folder, wanted, left, room, speed), sep="\n")


def state(folder: Path, entry: Entry) -> str:
    """Return how far a run is, in words."""
    place = folder / ROWS / entry.name
    marks = {"done": RESULT, "failed": FAILURE, "half done": RUN}
    return next((word for word, mark in marks.items() if (place / mark).exists()), "to do")


def _measured(wanted: Wanted, room: Room | None) -> Speed | None:
    if room is None:
        return None
    return measured_speed(wanted.entries[0].spec, room.threads, room.device)


def _table(folder: Path, wanted: Wanted, speed: Speed | None) -> Table:
    rows: dict[str, list[Entry]] = {}
    for each in wanted.entries:
        rows.setdefault(each.row, []).append(each)
    numbers = ("parameters", "updates", "FLOPs", "time")
    return Table(
        columns=columns(("group", "row", *numbers, "runs", "changes"), right=numbers),
        rows=tuple(tuple(_cells(folder, entries, speed)) for entries in rows.values()),
    )


def _cells(folder: Path, entries: Sequence[Entry], speed: Speed | None) -> Iterator[str]:
    first = entries[0]
    yield from (first.group, first.row)
    yield f"{first.parameters:,}"
    training, flops = first.spec.training, first.flops
    yield f"{training.steps:,}" if training.steps else f"{training.epochs:,} epochs"
    yield engineering(flops) if flops else f"{engineering(first.flops_per_update)} an update"
    yield duration(flops / speed.flops) if speed and flops else "?"
    yield _states([state(folder, each) for each in entries])
    yield ", ".join(f"{key}: {text}" for key, text in first.settings.items())


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
    """Return a time in words, rounded to what one still cares for."""
    for unit, size, least in (("days", 86400, 3), ("h", 3600, 2), ("min", 60, 2)):
        if seconds >= least * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"
