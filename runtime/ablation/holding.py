"""Folders that one process at a time works in; the system ends the hold of one that is killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Whether the folder is ours until the end; False if another process has it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _taken(handle)
    finally:
        os.close(handle)


def is_held(folder: Path) -> bool:
    """Whether some process works in the folder."""
    with held(folder) as is_ours:
        return not is_ours


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
