"""The digests of the files of a folder, so that damage to any of them is noticed."""

from pathlib import Path

from runtime.data.lines import file_digest, require_regular
from runtime.errors import UserError

SUMS = "SHA256SUMS"


class DamagedEntry(UserError):
    """Raised for prepared text that is not as it was written."""


def write_sums(folder: Path) -> None:
    """Writes the SHA-256 of all files of a folder into one more, as `sha256sum` does."""
    lines = (f"{file_digest(folder / name)}  {name}\n" for name in _names(folder))
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path) -> None:
    """Reads all files. Raises DamagedEntry if one is missing or not as it was, or is new."""
    try:
        require_regular(folder / SUMS)
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        known = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        is_complete = sorted(known) == _names(folder)
    except (FileNotFoundError, IsADirectoryError, ValueError) as error:
        raise _damaged(folder) from error
    if not is_complete or any(file_digest(folder / name) != known[name] for name in known):
        raise _damaged(folder)


def is_sound(folder: Path) -> bool:
    """Return whether a folder is there, and all its files are as they were written."""
    try:
        check_sums(folder)
    except DamagedEntry:
        return False
    return True


def _damaged(folder: Path) -> DamagedEntry:
    return DamagedEntry(
        f"the prepared text in {folder} is damaged",
        help=f"delete {folder}: it is made anew when it is needed",
    )


def _names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if not path.is_dir() and path.name != SUMS)
    return sorted(path.relative_to(folder).as_posix() for path in files)
