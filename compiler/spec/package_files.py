"""Names and reads the files of a generated package.

Python prefers a folder `model/`, a compiled extension or a file of bytecode to `model.py`, and none
of them would show in a comparison of sources. So a package holds the files of this table and
nothing else; only the bytes that were read here are imported, hashed and compared.
"""

import errno
import os
import stat
from collections.abc import Collection
from pathlib import Path

from compiler.spec.lock import LOCK

INIT, MODEL, TRAINING, PACKED = "__init__.py", "model.py", "training.py", "packed.py"
REQUIRED = (INIT, MODEL, TRAINING, LOCK)
ATTENTION_WEIGHTS = "attention_weights.py"
OPTIONAL = (ATTENTION_WEIGHTS, PACKED, "test_model.py")
"""Files that not every package has, or that nothing but its tests and its reader need."""
FILES = (*REQUIRED, *OPTIONAL)
BYTECODE = "__pycache__"
"""Python's folder of bytecode, which is never read for a package."""
LARGEST = 2**26
"""Bytes of a file; the largest network of the library has 100 thousand."""


def foreign_files(folder: Path, files: Collection[str] = FILES) -> list[str]:
    """The names in a folder that are not files of a package, or not regular files.

    A link does not count as a regular file, since its target may change. Names that begin with a
    dot cannot be modules and are never read, so they are allowed.
    """
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if _is_foreign(entry, files))


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of the package in a folder, by name. Raises an OSError if one cannot be read."""
    names = [name for name in FILES if os.path.lexists(folder / name)]
    return {name: read_regular(folder / name) for name in names}


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file. Raises an OSError for a link, a pipe, a device, or 64 MiB."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        with open(handle, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    finally:
        os.close(handle)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, f"it has more than {LARGEST:,} bytes", str(path))
    return content


def explained(folder: Path, foreign: list[str]) -> tuple[str, str]:
    """The message and the help for foreign files."""
    names = ", ".join(str(folder / name) for name in foreign[:5])
    more = f" and {len(foreign) - 5:,} more" if len(foreign) > 5 else ""
    return (
        f"a generated package cannot hold this: {names}{more}",
        f"remove it: a package is {', '.join(FILES)}, each a regular file, and nothing else; "
        "code of your own goes into these files",
    )


def _is_foreign(entry: os.DirEntry[str], files: Collection[str]) -> bool:
    if entry.name == BYTECODE:
        return not entry.is_dir(follow_symlinks=False)
    if entry.name in files:
        return not entry.is_file(follow_symlinks=False)
    return not entry.name.startswith(".")
