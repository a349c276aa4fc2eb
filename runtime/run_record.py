"""The record of a run, `run.json`: the versions and hashes that it began with."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.atomic_files import is_special
from compiler.spec.kinds_of_files import RUN_RECORD
from runtime.checkpoints.checkpoint import Identity
from runtime.data.prepare import TOKENIZERS, Digests
from runtime.errors import UserError
from runtime.package import Package
from runtime.system.checksummed import read_sealed_file
from runtime.system.process import resuming

PACKAGE, BEGUN = "package", RUN_RECORD
ADOPTED = "adopted"
"""The key of `run.json` for checksums of files that replaced those of the beginning."""
TRANSFERRED = "transferred"
"""The key of `run.json` for a run that begins with the weights of another."""
PUBLISHED = "published"
"""The key of `run.json` for a run that begins as the model of a published folder."""
IMPORTED = "imported"
"""The key of `run.json` for a run that begins with weights that a map has brought, with files."""
LIBRARIES = ("specformer", "torch", "numpy", "safetensors", "sentencepiece", "tokenizers")


def listed(digests: Digests) -> dict[str, list[tuple[str, str]]]:
    """The files of each part of the data with their digests, for `run.json`."""
    return {
        part: [(str(path), digest) for path, digest in files] for part, files in digests.items()
    }


def is_as_begun(folder: Path, name: str) -> bool:
    """Return whether a file of the run's package is the one that the run began with."""
    begun = read_sealed_file(folder / BEGUN).get(PACKAGE, {})
    return begun.get(name) == sums_of({name: (folder / PACKAGE / name).read_bytes()})[name]


def is_of_other_version(folder: Path) -> bool:
    """Return whether another version of specformer began the run."""
    return read_record(folder).get("versions", {}).get("specformer") != version_of("specformer")


def described(package: Package, tokenizers: Path) -> dict[str, Any]:
    """Returns what the record of a new run says of its package and its tokenizers."""
    return {
        "versions": {"python": platform.python_version()}
        | {name: version_of(name) for name in LIBRARIES},
        "spec": Identity.of(package.spec).metadata,
        PACKAGE: sums_of(package.files),
        TOKENIZERS: sums_of(files_below(tokenizers)),
    }


def read_record(folder: Path) -> dict[str, Any]:
    """The content of `run.json`. Raises a UserError if it is not of the form that is written."""
    begun = read_sealed_file(folder / BEGUN)
    for key in ("versions", PACKAGE, ADOPTED, TOKENIZERS):
        found = begun.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise UserError(
                f"{folder / BEGUN} is damaged: `{key}` is no list of names with texts",
                help="bring the file back as it was written",
            )
    return begun


def refuse_changed(folder: Path, package: Mapping[str, bytes] | None) -> None:
    """Raise a UserError if a file of the package, or of the tokenizers, is not as it was written.

    `package` is None if the files of the package are not used.
    Runs of older versions, whose `run.json` does not list the tokenizers, are not compared.
    """
    _refuse_links(folder / TOKENIZERS)
    begun = read_record(folder)
    if TOKENIZERS not in begun:
        return
    edited = package and _changed(package, begun.get(PACKAGE, {}), begun.get(ADOPTED, {}))
    if edited:
        place = folder / PACKAGE
        raise UserError(
            f"{place / edited} is not as {folder / BEGUN} has recorded it: it was damaged, or "
            "edited by hand",
            help="bring the file back as it was; after an edit, "
            f"`{resuming(folder)}` goes on with it",
        )
    damaged = _changed(files_below(folder / TOKENIZERS), begun[TOKENIZERS], {})
    if damaged:
        raise UserError(
            f"{folder / TOKENIZERS / damaged} is damaged, or was changed by hand",
            help="bring the file back: a model can be used with its own tokenizer alone",
        )


def _refuse_links(folder: Path) -> None:
    """Raise a UserError where a folder is, or holds, anything but regular files and folders.

    The run may be a stranger's, and a link may lead to any file of its user's.
    """
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink() or is_special(path):
            raise UserError(
                f"{path} is a link or a pipe: a run holds its tokenizers as regular files",
                help="put a copy of what it leads to in its place, if you trust the run",
            )


def _changed(
    files: Mapping[str, bytes], written: Mapping[str, str], adopted: Mapping[str, str]
) -> str | None:
    """The first file that is missing, or has neither of its recorded sums."""
    found = sums_of(files)
    names = sorted(found.keys() | written.keys())
    wrong = (n for n in names if found.get(n) not in (written.get(n), adopted.get(n, "")))
    return next(wrong, None)


def sums_of(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def files_below(folder: Path) -> dict[str, bytes]:
    """The content of all files below a folder, by their paths from it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def version_of(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
