"""The digests of the files of a folder, so that damage to any of them is noticed."""

from pathlib import Path

from runtime.data.lines import file_digest, require_regular
from runtime.errors import UserError

SUMS = "SHA256SUMS"


def write_sums(folder: Path) -> None:
    """Writes the SHA-256 of all files of a folder into one more, as `sha256sum` does."""
    lines = (f"{file_digest(folder / name)}  {name}\n" for name in _names(folder))
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path) -> None:
    """Reads all files. Raises a UserError if one is missing or not as it was, or is new."""
    try:
        require_regular(folder / SUMS)
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        known = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        is_sound = sorted(known) == _names(folder)
    except (FileNotFoundError, IsADirectoryError, ValueError) as error:
        raise damaged(folder) from error
    if not is_sound or any(file_digest(folder / name) != known[name] for name in known):
        raise damaged(folder)


def damaged(folder: Path) -> UserError:
    return UserError(
        f"the prepared text in {folder} is damaged, or was made by an older version",
        help=f"delete {folder}: it is made anew when it is needed",
    )


def _names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if not path.is_dir() and path.name != SUMS)
    return sorted(path.relative_to(folder).as_posix() for path in files)
