"""The queue of an ablation: what will run, written before anything runs, and kept."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.ablation.files import DIFFERENCE, JOBS, PACKAGE, QUEUE, ROWS, read_record, write_record
from runtime.ablation.locks import data_hash, lock
from runtime.ablation.record import Queue, Queued, run_name
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
    """What is queued in a folder, if anything is."""
    path = folder / QUEUE
    return read_record(path, Queue) if path.is_file() else None


def kept_of(folder: Path, queue: Queue | None) -> dict[str, Queued]:
    """What is queued, by name, without rows whose folders were moved away: they are queued anew."""
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
    """By the settings of the data, so that files are read once."""
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
    """What is there was left by a process that died before it was queued."""
    shutil.rmtree(folder, ignore_errors=True)
    with new_folder(folder) as unfinished:
        (unfinished / PACKAGE).mkdir()
        for name, content in entry.contents.items():
            (unfinished / PACKAGE / name).write_bytes(content)
        if page:
            (unfinished / DIFFERENCE).write_text(page, encoding="utf-8")
