"""JSON objects in files that hold their own checksum, so that damage is noticed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.atomic_files import is_special
from runtime.errors import UserError

SEAL = "sha256"


def sealed(content: Mapping[str, Any]) -> bytes:
    """The JSON text of an object, with the SHA-256 of its content as one more key."""
    return json.dumps({**content, SEAL: _digest(content)}, indent=2).encode() + b"\n"


def unsealed(text: bytes) -> dict[str, Any]:
    """The object of a text by `sealed`. Raises a ValueError if it is no object or has changed.

    A file of an older version, which has no checksum, is taken as it is.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    seal = content.pop(SEAL, None)
    if seal is not None and seal != _digest(content):
        raise ValueError("its SHA-256 is not the recorded one")
    return content


def read_sealed_file(path: Path) -> dict[str, Any]:
    """The object in a file. Raises a UserError for one that is damaged."""
    if is_special(path):
        raise UserError(f"{path} is no regular file", help="bring the file back as it was written")
    try:
        return unsealed(path.read_bytes())
    except ValueError as error:
        raise UserError(
            f"{path} is damaged, or was changed by hand: {error}",
            help="bring the file back as it was written",
        ) from error


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
