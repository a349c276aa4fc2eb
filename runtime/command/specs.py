"""Specs that commands read: a file, a name of the library, a generated package, or a run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.spec.load import Loaded
    from compiler.spec.spec import Spec


def read_spec(reference: str, settings: Sequence[str] | None = None) -> tuple["Loaded", bool]:
    """Return the spec that a word of the command line means; True beside it for that of a lock.

    Raises `Rejected` for a word that means none, and a UserError for settings of a lock.
    """
    from compiler.diff.operand import find_spec
    from compiler.spec.extend import read_file
    from compiler.spec.load import resolve
    from compiler.spec.overrides import override_all

    file, is_locked = find_spec(reference)
    if is_locked and settings:
        raise UserError(
            f"{reference} is compiled already: --set changes no code of it", help="leave --set out"
        )
    return resolve(read_file(file), override_all(settings or ())), is_locked


def as_its_author_wrote(own: "Spec") -> "Loaded | None":
    """Return the spec of the library that a lock was made from, if it is there and still equal.

    A lock has all settings, but not the lines in which its author wrote them.
    """
    from compiler.source.diagnostic import Rejected
    from compiler.spec.load import load

    try:
        found = load(own.name)
    except Rejected:
        return None
    return found if found.spec == own else None


def written_spec(reference: str) -> "Loaded":
    """Return a spec; that of a lock in the file of its author, if this still says the same."""
    loaded, is_locked = read_spec(reference)
    written = as_its_author_wrote(loaded.spec) if is_locked else None
    return written or loaded


def spec_of_run(folder: Path) -> "Loaded | str":
    """Return the spec of a run, or the reason why it cannot be read."""
    from compiler.source.diagnostic import Rejected
    from compiler.spec.lock import LOCK, load_lock
    from compiler.spec.package_files import read_regular

    path = folder / "package" / LOCK
    try:
        return load_lock(path, read_regular(path))
    except OSError as error:
        return f"{path}: {error.strerror}"
    except Rejected as error:
        return f"{path}: {error.diagnostics[0].message}"
