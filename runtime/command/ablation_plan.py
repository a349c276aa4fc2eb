"""The plan of an ablation, shown before anything runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from compiler.ablation.expand import Expansion, Row
from compiler.format import engineering
from compiler.page.model import Table, columns
from runtime.ablation.eta import Speed, finished_speed, measured_speed
from runtime.ablation.launchers import Room
from runtime.ablation.queue import changes, read_queue, runs_of
from runtime.ablation.record import FAILURE, RESULT, ROWS, RUN, run_name
from runtime.command.output import report
from runtime.command.page import print_page

STATES = ("done", "failed", "half done", "to do")


def show_plan(folder: Path, expansion: Expansion, room: Room | None) -> None:
    """Print the rows, their changes and costs, and the time for all; nothing if all is done.

    Without `room` the rows run on other machines, whose speed is known by what they have finished.
    Raises a UserError if rows would be added to another base than the queued one.
    """
    queue = read_queue(folder)
    if queue is not None:
        for line in changes(folder, queue, expansion).lines:
            report(line)
    runs = runs_of(expansion)
    left = [row for name, (row, _) in runs.items() if state(folder, name) != "done"]
    if not left:
        return
    speed = finished_speed(folder, queue.queued if queue else ())
    if speed is None and room is not None:
        speed = measured_speed(expansion.base.spec, room.threads, room.device)
    print_page(_table(folder, expansion, speed))
    print(*_totals(folder, expansion, left, room, speed), sep="\n")


def state(folder: Path, run: str) -> str:
    """Return how far a run is, in words."""
    marks = {"done": RESULT, "failed": FAILURE, "half done": RUN}
    there = (word for word, mark in marks.items() if (folder / ROWS / run / mark).exists())
    return next(there, "to do")


def _table(folder: Path, expansion: Expansion, speed: Speed | None) -> Table:
    numbers = ("parameters", "updates", "FLOPs", "time")
    states = {
        row.name: [state(folder, run_name(row.name, seed)) for seed in expansion.seeds]
        for row in expansion.rows
    }
    return Table(
        columns=columns(("group", "row", *numbers, "runs", "changes"), right=numbers),
        rows=tuple(tuple(_cells(row, states[row.name], speed)) for row in expansion.rows),
    )


def _cells(row: Row, states: Sequence[str], speed: Speed | None) -> Iterator[str]:
    yield from (row.group, row.name)
    yield f"{row.parameters:,}"
    training, flops = row.spec.training, row.flops
    yield training.length
    yield engineering(flops) if flops else f"{engineering(row.flops_per_update)} an update"
    if training.minutes is not None:
        yield duration(60 * training.minutes)
    else:
        yield duration(flops / speed.flops) if speed and flops else "?"
    yield _states(states)
    yield ", ".join(f"{key}: {text}" for key, text in row.settings.items())


def _states(states: Sequence[str]) -> str:
    counts = {word: states.count(word) for word in STATES}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _totals(
    folder: Path,
    expansion: Expansion,
    left: Sequence[Row],
    room: Room | None,
    speed: Speed | None,
) -> Iterator[str]:
    flops = sum(each.flops or 0 for each in left)
    timed = [minutes for each in left if (minutes := each.spec.training.minutes) is not None]
    open_ended = sum(each.flops is None for each in left) - len(timed)
    rows, seeds = len(expansion.rows), len(expansion.seeds)
    yield ""
    each = f"{seeds} seeds" if seeds > 1 else "1 seed"
    yield f"{rows} rows x {each} = {rows * seeds} runs, {len(left)} to do in {folder}"
    yield _room(room) + (f", {engineering(flops)}FLOP in all" if flops else "")
    if timed:
        runs = f"{len(timed)} run{'s' if len(timed) > 1 else ''}"
        yield f"{runs} of a fixed time: {duration(60 * sum(timed))} of updates together"
    if open_ended:
        yield f"and {open_ended} runs whose epochs are counted in updates once text is prepared"
    elif len(timed) == len(left):
        return
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
