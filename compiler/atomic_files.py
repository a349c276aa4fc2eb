"""Replaces files and folders atomically: readers find the old content or the new."""

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
NO_LOCKS = (
    *(errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP),
    *(errno.EINVAL, errno.EBADF),
)
"""The answers of file systems without locks; EBADF is NFS's, which locks no folders."""
AT_FDCWD, RENAME_EXCHANGE = -100, 2
"""Constants of Linux's renameat2."""


def beside(path: Path) -> Path:
    """An unused hidden name in the same folder, for a file or folder that is not finished yet."""
    return path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.unfinished")


def is_special(path: Path) -> bool:
    """Return whether the path is a device, a pipe or a socket."""
    return path.exists() and not path.is_file() and not path.is_dir()


def replace_file(path: Path, content: bytes, *, follow_links: bool = True) -> None:
    """Writes the file so that, at any moment, it holds either the old content or the new.

    A link stays and its target is replaced; a device is written into. A pipe is replaced, since
    writing into one may block for ever. Without `follow_links`, for a folder that a stranger may
    have made, the link itself is replaced. Raises an OSError that names `path`.
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
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):  # it names the hidden file, of which nobody has heard
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    sync(target.parent)


def put_folder(new: Path, place: Path) -> Path | None:
    """Renames a folder to `place`, replacing any other -> where the replaced folder is now.

    On Linux the two are exchanged in one step; elsewhere there is a moment without either.
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
def held(folder: Path, patience: float = 0.0) -> Iterator[bool]:
    """Takes the lock of a folder until the end -> False if another process has it.

    It waits `patience` seconds for one that has it for a moment.
    """
    handle = os.open(folder, os.O_RDONLY)
    end = time.monotonic() + patience
    try:
        while not (is_ours := try_lock(handle)) and time.monotonic() < end:
            time.sleep(0.02)
        yield is_ours
    finally:
        os.close(handle)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Waits until no other process holds the lock of this folder. Raises an OSError after 30 s."""
    with held(folder, PATIENCE) as is_ours:
        if not is_ours:
            raise OSError(errno.EAGAIN, "another process writes into this folder", str(folder))
        yield


def try_lock(handle: int) -> bool:
    """Returns True if this process got the lock, or if the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Exchanges two names in one step; returns whether the system could do so."""
    with suppress(AttributeError, OSError):
        rename = ctypes.CDLL(None).renameat2
        names = os.fsencode(one), os.fsencode(other)
        return bool(rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)
    return False
