"""The queue of an ablation: what will run, written before anything runs, and kept."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.ablation.expand import Expansion, Row
from compiler.diff.settings import differences
from compiler.spec.lock import LOCK, load_lock, read_lock
from runtime.ablation.consistency import data_hash, lock
from runtime.ablation.record import (
    DIFFERENCE,
    JOBS,
    PACKAGE,
    QUEUE,
    ROWS,
    TUNING,
    Queue,
    Queued,
    read_record,
    run_name,
    write_record,
)
from runtime.errors import UserError
from runtime.system.atomic_files import explained_disk_errors, new_folder
from runtime.system.file_lock import held

Difference = Callable[[str], str]


def runs_of(expansion: Expansion) -> dict[str, tuple[Row, int]]:
    """Return each row with each seed, as the file has them now, by the names of runs."""
    pairs = ((row, seed) for row in expansion.rows for seed in expansion.seeds)
    return {run_name(row.name, seed): (row, seed) for row, seed in pairs}


@contextmanager
def owned_folder(folder: Path) -> Iterator[None]:
    """The folder of an ablation, made if need be, for this process alone.

    Raises a UserError if another process has it, or if it holds other things.
    """
    refuse_others(folder)
    with explained_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with held(folder) as is_ours:
            if not is_ours:
                raise UserError(
                    f"another process runs the ablation in {folder}",
                    help="wait for it, or choose another --out",
                )
            yield
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()


def refuse_others(folder: Path) -> None:
    """Raise a UserError if there is something else than an ablation."""
    if not folder.exists() or (folder / QUEUE).is_file():
        return
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {ROWS, JOBS, TUNING}:
        raise UserError(
            f"{folder} exists already, and is not the folder of an ablation",
            help="choose another --out",
        )


def read_queue(folder: Path) -> Queue | None:
    """Return the queue of a folder, if there is one."""
    path = folder / QUEUE
    return read_record(path, Queue) if path.is_file() else None


def kept_of(folder: Path, queue: Queue | None) -> dict[str, Queued]:
    """Return queued runs by name; those whose folders were moved away are queued anew."""
    queued = queue.queued if queue else ()
    return {each.name: each for each in queued if (folder / ROWS / each.name).is_dir()}


def add_to_queue(
    folder: Path, expansion: Expansion, difference: Difference, notes: tuple[str, ...] = ()
) -> Queue:
    """Queue what is not yet queued: packages first, then the queue, which makes them count.

    `difference` gives of a row's name what it changes against the base, as a piece of a page;
    `notes` stand below the table.
    Raises a UserError if a file of the data is missing or the disk is full: then nothing is added.
    """
    before = read_queue(folder)
    old = kept_of(folder, before)
    runs = {name: run for name, run in runs_of(expansion).items() if name not in old}
    hashes = _data_hashes(row for row, _ in runs.values())
    new = {name: _queued(*run, hashes) for name, run in runs.items()}
    try:
        with explained_disk_errors(folder):
            for name, (row, seed) in runs.items():
                page = "" if row is expansion.base else difference(row.name)
                _write(folder / ROWS / name, row.files(seed), page)
            queue = replace(_queue(expansion, before, {**old, **new}), notes=notes)
            write_record(folder / QUEUE, queue)
    except BaseException:
        for name in runs:
            shutil.rmtree(folder / ROWS / name, ignore_errors=True)
        if before is None:
            shutil.rmtree(folder / ROWS, ignore_errors=True)
        raise
    return queue


def _queue(expansion: Expansion, before: Queue | None, queued: Mapping[str, Queued]) -> Queue:
    """Return the queue in the order of the file; what is no longer in it comes last."""
    order = dict.fromkeys([*runs_of(expansion), *queued])
    return Queue(
        ablation=expansion.name,
        base=expansion.base.name,
        columns=expansion.columns,
        varied={**expansion.varied, **(before.varied if before else {})},
        queued=tuple(queued[name] for name in order),
        lengths=expansion.lengths,
    )


def _data_hashes(rows: Iterable[Row]) -> dict[str, str]:
    """Return hashes by the settings of the data, so that files are read once."""
    specs = {row.spec.data.model_dump_json(): row.spec for row in rows}
    return {key: data_hash(spec) for key, spec in specs.items()}


def _queued(row: Row, seed: int, hashes: Mapping[str, str]) -> Queued:
    data = hashes[row.spec.data.model_dump_json()]
    return Queued(
        row=row.name,
        group=row.group,
        seed=seed,
        settings=row.settings,
        locked=lock(row.spec, row.files(seed), data),
        parameters=row.parameters,
        flops=row.flops,
    )


def _write(folder: Path, files: Mapping[str, bytes], page: str) -> None:
    """Write a run; what is there was left by a process that died before it was queued."""
    shutil.rmtree(folder, ignore_errors=True)
    with new_folder(folder) as unfinished:
        (unfinished / PACKAGE).mkdir()
        for name, content in files.items():
            (unfinished / PACKAGE / name).write_bytes(content)
        if page:
            (unfinished / DIFFERENCE).write_text(page, encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Rows that the file has now and the queue has not; and what else is not the same, in lines."""

    added: tuple[str, ...]
    lines: tuple[str, ...]


def changes(folder: Path, queue: Queue, expansion: Expansion) -> Changes:
    """Compare a file with its queue.

    Raises a UserError if rows would be added to a base that is not the queued one.
    """
    runs, kept = runs_of(expansion), kept_of(folder, queue)
    added = tuple(name for name in runs if name not in kept)
    both = [each for each in queue.queued if each.name in runs]
    found = {
        each.name: text for each in both if (text := difference(folder, each, *runs[each.name]))
    }
    base = [found[each.name] for each in both if each.row == queue.base and each.name in found]
    if added and base:
        raise UserError(
            f"the base has changed since it was queued ({base[0]}): {added[0]} cannot stand "
            "in one table with what ran before",
            help="queue the ablation anew with another --out, or undo the change",
        )
    gone = [name for name in kept if name not in runs]
    stay = {name: text for name, text in found.items() if name in kept}
    return Changes(added=added, lines=(*_said(stay), *_gone(gone)))


def difference(folder: Path, queued: Queued, row: Row, seed: int) -> str:
    """Return the first setting that differs between queue and file; empty if none does."""
    path, files = folder / ROWS / queued.name / PACKAGE / LOCK, row.files(seed)
    if not path.is_file():
        is_same = lock(row.spec, files, queued.locked.data).spec == queued.locked.spec
        return "" if is_same else f"{path} is gone, and the file says something else"
    found = differences(read_lock(path), load_lock(path, files[LOCK]).spec)
    if not found:
        return ""
    (key, (before, now)), *others = found.items()
    more = f", and {len(others)} more" if others else ""
    return f"{key} was {before}, is {now} now{more}"


def _said(differences: dict[str, str]) -> Iterator[str]:
    """One line for all rows that differ in the same."""
    rows = defaultdict(list)
    for name, text in differences.items():
        rows[text].append(name)
    for text, names in rows.items():
        yield f"{_few(names)}: {text}; what was queued stays as it is"


def _gone(names: list[str]) -> Iterator[str]:
    if names:
        yield f"{_few(names)}: no longer in the file; what was queued stays"


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
