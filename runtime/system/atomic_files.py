"""Folders that are complete and on the disk as soon as they can be seen."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from compiler.atomic_files import beside, replace_file, sync
from runtime.errors import UserError

__all__ = ["FULL", "explained_disk_errors", "new_folder", "remove_unfinished", "replace_file"]

FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk has no more room, or not for this user."""


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to write into, which becomes `path` in one step when all is on the disk.

    Its name is unused. On failure it is removed; `remove_unfinished` removes what a killed process
    leaves.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = beside(path)
    temporary.mkdir()
    try:
        yield temporary
        sync_tree(temporary)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(path.parent)


def remove_unfinished(parent: Path, name: str = "") -> None:
    """Remove what killed processes left of the folders they were writing in `parent`.

    With a `name`, of those that were to become that one alone.
    """
    start = f"{escape(name[:50])}." if name else ""
    for leftover in parent.glob(f".{start}*.unfinished"):
        remove(leftover)


def remove(path: Path) -> None:
    """Removes a folder with all that is in it, or a file; a link itself, not its target."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def copy_folder(source: Path, target: Path) -> None:
    """Copies all files but bytecode into a new folder.

    Raises the OSError of the first that fails, which `shutil.copytree` hides among all others.
    """
    target.mkdir()
    for each in source.iterdir():
        if each.is_dir() and each.name != "__pycache__":
            copy_folder(each, target / each.name)
        elif each.is_file():
            shutil.copyfile(each, target / each.name)


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


def sync_tree(folder: Path) -> None:
    """Wait until all files below a folder, and their names, are on the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(Path(parent))
