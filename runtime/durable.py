"""Folders that are complete and on the disk as soon as they can be seen."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk has no more room, or not for this user."""


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to write into, which becomes `path` in one step when all is on the disk.

    On failure it is removed; a process that is killed leaves it for `remove_unfinished`.
    """
    temporary = path.with_name(f".{path.name}.unfinished")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        _sync_tree(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _sync(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Writes the file so that, at any moment, it holds either the old content or the new."""
    temporary = path.with_name(f".{path.name}.unfinished")
    try:
        temporary.write_bytes(content)
        _sync(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def remove_unfinished(parent: Path) -> None:
    """Removes what killed processes left of the folders they were writing in `parent`."""
    for leftover in parent.glob(".*.unfinished"):
        shutil.rmtree(leftover)


@contextmanager
def explained_disk_errors(folder: Path, then: str = "try again") -> Iterator[None]:
    """Turns a disk that is full into a message for people; `then` is what they do afterwards."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"the disk is full: {folder} could not be written",
            help=f"what was saved before is untouched: free some space, then {then}",
        ) from error


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            _sync(Path(parent, name))
        _sync(Path(parent))


def _sync(path: Path) -> None:
    """Waits until a file, or the list of names in a folder, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
