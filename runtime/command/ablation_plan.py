"""What an ablation will do, shown before it does it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from runtime.ablation.changes import changes
from runtime.ablation.estimate import Speed, finished_speed, measured_speed
from runtime.ablation.files import FAILURE, RESULT, ROWS, RUN
from runtime.ablation.local import Room
from runtime.ablation.queue import Entry, Wanted, read_queue
from runtime.command.compiling import engineering
from runtime.command.output import report

STATES = ("done", "failed", "half done", "to do")


def show_plan(folder: Path, wanted: Wanted, room: Room) -> None:
    """Rows, what each changes, what it costs, and how long all will take.

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
    Console().print(_table(folder, wanted, speed))
    print(*_totals(folder, wanted, left, room, speed), sep="\n")


def state(folder: Path, entry: Entry) -> str:
    """How far a run is."""
    place = folder / ROWS / entry.name
    marks = {"done": RESULT, "failed": FAILURE, "half done": RUN}
    return next((word for word, mark in marks.items() if (place / mark).exists()), "to do")


def _measured(wanted: Wanted, room: Room) -> Speed:
    spec = wanted.entries[0].spec
    tokens = min(spec.training.micro_batch_tokens, 8192)
    return measured_speed(tokens, spec.model.d_model, room.threads, room.device)


def _table(folder: Path, wanted: Wanted, speed: Speed) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("group", "row", "changes"):
        table.add_column(name, overflow="fold")
    for name in ("parameters", "updates", "FLOPs", "time", ""):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    rows: dict[str, list[Entry]] = {}
    for each in wanted.entries:
        rows.setdefault(each.row, []).append(each)
    for entries in rows.values():
        table.add_row(*_cells(folder, entries, speed))
    return table


def _cells(folder: Path, entries: Sequence[Entry], speed: Speed) -> Iterator[str]:
    first = entries[0]
    yield from (first.group, first.row)
    yield ", ".join(f"{key.rpartition('.')[2]} {text}" for key, text in first.settings.items())
    yield f"{first.parameters:,}"
    yield f"{first.spec.training.steps:,}"
    yield engineering(first.flops)
    yield duration(first.flops / speed.flops)
    yield _states([state(folder, each) for each in entries])


def _states(states: Sequence[str]) -> str:
    counts = {word: states.count(word) for word in STATES}
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _totals(
    folder: Path, wanted: Wanted, left: Sequence[Entry], room: Room, speed: Speed
) -> Iterator[str]:
    flops = sum(each.flops for each in left)
    seeds = len({each.seed for each in wanted.entries})
    rows = len(wanted.entries) // seeds
    yield ""
    yield f"{rows} rows x {seeds} seeds = {len(wanted.entries)} runs, {len(left)} to do in {folder}"
    threads = "a thread" if room.threads == 1 else f"{room.threads} threads"
    yield f"{room.jobs} at a time, {threads} for each process, {engineering(flops)}FLOP in all"
    hours = duration(flops / speed.flops / room.jobs)
    yield f"about {hours}, at {engineering(speed.flops)}FLOP/s a run, {speed.source}"


def duration(seconds: float) -> str:
    """Rounded to what one still cares for."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
