"""A file with its description and a checksum over both, so that damage is noticed."""

import hashlib
import json
from pathlib import Path

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
    """What `write_sealed` wrote. Raises a UserError if it is missing or was changed since."""
    try:
        description = json.loads((folder / DESCRIPTION).read_bytes())
        seal = description.pop("sha256")
        content = (folder / description["file"]).read_bytes()
    except OSError as error:
        raise UserError(f"{folder} has no readable tokenizer: {error}") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _damaged(folder) from error
    if seal != _seal(description, content):
        raise _damaged(folder)
    return description, content


def _seal(description: Description, content: bytes) -> str:
    head = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(head + b"\n" + content).hexdigest()


def _damaged(folder: Path) -> UserError:
    return UserError(
        f"the tokenizer in {folder} is damaged, or was changed by hand",
        help="bring the files back as they were: a model can be used with its own tokenizer alone",
    )
