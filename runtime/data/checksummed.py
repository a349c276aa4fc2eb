"""Files and folders with their checksums, so that damage to them is noticed."""

import hashlib
import json
from pathlib import Path

from compiler.spec.package_files import read_regular
from runtime.data.lines import file_digest, require_regular
from runtime.errors import UserError

DESCRIPTION = "tokenizer.json"

Description = dict[str, str]


def write_sealed(folder: Path, description: Description, content: bytes) -> None:
    """Writes `content` to the file that the description names under `file`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / description["file"]).write_bytes(content)
    sealed = description | {"sha256": _seal(description, content)}
    (folder / DESCRIPTION).write_text(json.dumps(sealed, indent=2) + "\n", encoding="utf-8")


def read_sealed(folder: Path) -> tuple[Description, bytes]:
    """Reads what `write_sealed` wrote. Raises a UserError if it is missing or was changed since.

    The description may be a stranger's: only regular files in the folder itself are read.
    """
    try:
        description = json.loads(read_regular(folder / DESCRIPTION))
        seal, name = description.pop("sha256"), description["file"]
        if Path(name).name != name:
            raise _outside(folder, name)
        content = read_regular(folder / name)
    except OSError as error:
        raise UserError(
            f"{folder} has no readable tokenizer: {error}",
            help="both of its files must be regular files in that folder, no links",
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(folder) from error
    if seal != _seal(description, content):
        raise damaged(folder)
    return description, content


def _seal(description: Description, content: bytes) -> str:
    head = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(head + b"\n" + content).hexdigest()


def _outside(folder: Path, name: str) -> UserError:
    return UserError(
        f"{folder / DESCRIPTION} names {name!r}, a file that is not in its folder",
        help="a tokenizer is read from its own folder alone: do not use this one",
    )


def damaged(folder: Path) -> UserError:
    """The error of a tokenizer that is not as it was written."""
    return UserError(
        f"the tokenizer in {folder} is damaged, or was changed by hand",
        help="bring the files back as they were: a model can be used with its own tokenizer alone",
    )


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
