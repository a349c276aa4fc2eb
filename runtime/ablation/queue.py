"""The queue of an ablation: what will run, written before anything runs, and kept."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.lock import LOCK, read_lock_text, read_tree
from compiler.spec.spec import Spec
from runtime.ablation.consistency import data_hash, lock, setting_values
from runtime.ablation.record import (
    DIFFERENCE,
    JOBS,
    PACKAGE,
    QUEUE,
    ROWS,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row with a seed, as the file has it now."""

    row: str
    group: str
    seed: int
    settings: dict[str, str]
    spec: Spec
    files: dict[str, str]
    parameters: int
    flops_per_update: int

    @property
    def flops(self) -> int | None:
        """The FLOPs of the whole training; None while its number of updates is unknown."""
        steps = self.spec.training.steps
        return None if steps is None else self.flops_per_update * steps

    @property
    def name(self) -> str:
        return run_name(self.row, self.seed)

    @property
    def contents(self) -> dict[str, bytes]:
        return {name: text.encode() for name, text in self.files.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An ablation as its file has it now; the base is the first entry."""

    ablation: str
    columns: tuple[str, ...]
    varied: dict[str, str]
    entries: tuple[Entry, ...]

    @property
    def base(self) -> str:
        return self.entries[0].row


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
    """Raises a UserError if there is something else than an ablation."""
    if not folder.exists() or (folder / QUEUE).is_file():
        return
    if not folder.is_dir() or {path.name for path in folder.iterdir()} - {ROWS, JOBS}:
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


def add_to_queue(folder: Path, wanted: Wanted, difference: Difference) -> Queue:
    """Queues what is not yet queued: packages first, then the queue, which makes them count.

    `difference` gives of a row's name what it changes against the base, as a piece of a page.
    Raises a UserError if a file of the data is missing or the disk is full: then nothing is added.
    """
    before = read_queue(folder)
    old = kept_of(folder, before)
    entries = [each for each in wanted.entries if each.name not in old]
    hashes = _data_hashes(entries)
    new = {each.name: _queued(each, hashes) for each in entries}
    try:
        with explained_disk_errors(folder):
            for each in entries:
                page = "" if each.row == wanted.base else difference(each.row)
                _write(folder / ROWS / each.name, each, page)
            queue = _queue(wanted, before, {**old, **new})
            write_record(folder / QUEUE, queue)
    except BaseException:
        for each in entries:
            shutil.rmtree(folder / ROWS / each.name, ignore_errors=True)
        if before is None:
            shutil.rmtree(folder / ROWS, ignore_errors=True)
        raise
    return queue


def _queue(wanted: Wanted, before: Queue | None, queued: Mapping[str, Queued]) -> Queue:
    """In the order of the file; what is no longer in it comes last."""
    order = dict.fromkeys([*(each.name for each in wanted.entries), *queued])
    return Queue(
        ablation=wanted.ablation,
        base=wanted.base,
        columns=wanted.columns,
        varied={**wanted.varied, **(before.varied if before else {})},
        queued=tuple(queued[name] for name in order),
    )


def _data_hashes(entries: Sequence[Entry]) -> dict[str, str]:
    """Return hashes by the settings of the data, so that files are read once."""
    specs = {each.spec.data.model_dump_json(): each.spec for each in entries}
    return {key: data_hash(spec) for key, spec in specs.items()}


def _queued(entry: Entry, hashes: Mapping[str, str]) -> Queued:
    data = hashes[entry.spec.data.model_dump_json()]
    return Queued(
        row=entry.row,
        group=entry.group,
        seed=entry.seed,
        settings=entry.settings,
        locked=lock(entry.spec, entry.contents, data),
        parameters=entry.parameters,
        flops=entry.flops_per_update * entry.spec.training.updates,
    )


def _write(folder: Path, entry: Entry, page: str) -> None:
    """Write a run; what is there was left by a process that died before it was queued."""
    shutil.rmtree(folder, ignore_errors=True)
    with new_folder(folder) as unfinished:
        (unfinished / PACKAGE).mkdir()
        for name, content in entry.contents.items():
            (unfinished / PACKAGE / name).write_bytes(content)
        if page:
            (unfinished / DIFFERENCE).write_text(page, encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Rows that the file has now and the queue has not; and what else is not the same, in lines."""

    added: tuple[str, ...]
    lines: tuple[str, ...]


def changes(folder: Path, queue: Queue, wanted: Wanted) -> Changes:
    """Raises a UserError if rows would be added to a base that is not the queued one."""
    old, kept = {each.name: each for each in queue.queued}, kept_of(folder, queue)
    added = tuple(each.name for each in wanted.entries if each.name not in kept)
    both = [(old[each.name], each) for each in wanted.entries if each.name in old]
    differences = {
        queued.name: text for queued, entry in both if (text := difference(folder, queued, entry))
    }
    of_base = [each.name for each in queue.queued if each.row == queue.base]
    base = [differences[name] for name in of_base if name in differences]
    if added and base:
        raise UserError(
            f"the base has changed since it was queued ({base[0]}): {added[0]} cannot stand "
            "in one table with what ran before",
            help="queue the ablation anew with another --out, or undo the change",
        )
    gone = [name for name in kept if name not in {each.name for each in wanted.entries}]
    stay = {name: text for name, text in differences.items() if name in kept}
    return Changes(added=added, lines=(*_said(stay), *_gone(gone)))


def difference(folder: Path, queued: Queued, entry: Entry) -> str:
    """The first settings that differ between queue and file; empty if none does."""
    path = folder / ROWS / queued.name / PACKAGE / LOCK
    if not path.is_file():
        return "" if is_of(entry, queued) else f"{path} is gone, and the file says something else"
    text = read_lock_text(path)
    if text == entry.files[LOCK]:
        return ""
    before, now = (setting_values(read_tree(each, path)) for each in (text, entry.files[LOCK]))
    found = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    key, more = found[0], f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{key} was {before.get(key, 'not set')}, is {now.get(key, 'not set')} now{more}"


def is_of(entry: Entry, queued: Queued) -> bool:
    """Tell whether the file still has the spec that was queued."""
    return lock(entry.spec, entry.contents, queued.locked.data).spec == queued.locked.spec


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
