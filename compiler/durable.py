"""Files and folders that are replaced whole, or stay as they were."""

import ctypes
import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE = 30.0
"""Seconds to wait for another process that writes into the same folder."""
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)
"""What file systems without locks say."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Constants of Linux's renameat2."""


def beside(path: Path) -> Path:
    """A hidden name in the same folder that nothing bears: for what is not finished yet."""
    return path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.unfinished")


def is_special(path: Path) -> bool:
    """Whether a device, a pipe or a socket is there: something to write into, not to replace."""
    return path.exists() and not path.is_file() and not path.is_dir()


def replace_file(path: Path, content: bytes, *, follow_links: bool = True) -> None:
    """Writes the file so that, at any moment, it holds either the old content or the new.

    A link stays, and what it leads to is replaced; a device is written into. Without
    `follow_links`, for a folder that a stranger may have made, a link is replaced itself. A pipe is
    replaced, since to write into one may be to wait for ever.
    """
    is_followed = follow_links or not path.is_symlink()
    if is_followed and (path.is_char_device() or path.is_block_device()):
        path.write_bytes(content)
        return
    target = Path(os.path.realpath(path)) if is_followed else path
    temporary = beside(target)
    try:
        temporary.write_bytes(content)
        sync(temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(target.parent)


def put_folder(new: Path, place: Path) -> Path | None:
    """Gives a folder its name, at which another may stand -> where that one is now.

    On Linux both change places in one step; elsewhere there is a moment in which none is there.
    """
    if not place.exists():
        new.rename(place)
        sync(place.parent)
        return None
    if _exchange(new, place):
        sync(place.parent)
        return new
    aside = beside(place)
    place.rename(aside)
    try:
        new.rename(place)
    except BaseException:
        aside.rename(place)
        raise
    sync(place.parent)
    return aside


def sync(path: Path) -> None:
    """Waits until a file, or the list of names in a folder, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Waits until no other process is in here with this folder. Raises an OSError after 30 s."""
    handle = os.open(folder, os.O_RDONLY)
    end = time.monotonic() + PATIENCE
    try:
        while not _is_locked(handle):
            if time.monotonic() > end:
                raise OSError(errno.EAGAIN, "another process writes into this folder", str(folder))
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _is_locked(handle: int) -> bool:
    """Whether the lock is ours, or the file system has none."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Whether the system could let them change places."""
    with suppress(AttributeError, OSError):
        rename = ctypes.CDLL(None).renameat2
        names = os.fsencode(one), os.fsencode(other)
        return bool(rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)
    return False
