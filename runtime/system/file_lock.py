"""Locks on folders that one process at a time works in; the system frees those of a killed one."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compiler.atomic_files import NO_LOCKS, held
from runtime.errors import UserError

__all__ = ["followed", "has_locks", "held", "is_held", "wait_for_lock"]


def is_held(folder: Path) -> bool:
    """Return whether some process works in the folder."""
    with held(folder) as is_ours:
        return not is_ours


def wait_for_lock(handle: int) -> None:
    """Waits until no other process locks the file of the handle, if there are locks at all."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise


@contextmanager
def followed(folder: Path) -> Iterator[Callable[[], Path]]:
    """A function that says where the folder is now, which may have been renamed meanwhile.

    It raises a UserError if the folder is gone, or the system does not tell its new name.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield lambda: _found(folder, handle)
    finally:
        os.close(handle)


def _found(folder: Path, handle: int) -> Path:
    if _is_open(folder, handle):
        return folder
    with suppress(OSError):  # /proc is only on Linux
        moved = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if _is_open(moved, handle):
            return moved
    raise UserError(
        f"{folder} was removed or renamed meanwhile: nothing can be saved there any more",
        help="if it was renamed, what was saved before is in the renamed folder",
    )


def _is_open(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(handle))
    except OSError:
        return False


def has_locks(folder: Path) -> bool:
    """Return whether the file system of the folder has locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in NO_LOCKS
    finally:
        os.close(handle)
    return True
