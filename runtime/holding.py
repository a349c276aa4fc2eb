"""Folders that one process at a time works in; the system ends the hold of one that is killed."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(folder: Path, patience: float = 0.0) -> Iterator[bool]:
    """Whether the folder is ours until the end; False if another process has it.

    `patience`: seconds to wait for one that only looks whether somebody has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    end = time.monotonic() + patience
    try:
        while not (is_ours := _taken(handle)) and time.monotonic() < end:
            time.sleep(0.05)
        yield is_ours
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
