"""What has become of an ablation's file since its rows were queued."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.lock import LOCK, read_lock_text, read_tree
from runtime.ablation.files import PACKAGE, ROWS
from runtime.ablation.locks import lock
from runtime.ablation.queue import Entry, Wanted, kept_of
from runtime.ablation.record import Queue, Queued
from runtime.ablation.settings import setting_values
from runtime.errors import UserError


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
    """Whether the file still has the spec that was queued."""
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
