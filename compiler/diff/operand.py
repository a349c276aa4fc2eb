"""An operand of the comparison: a spec, a generated package, a run; on disk or in git."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.diff.revision import file_at_revision, is_at_revision
from compiler.output import EJECTED, WRITTEN, Output
from compiler.pipeline import CompiledPackage, compile_loaded
from compiler.source.diagnostic import Diagnostic, Rejected, mistake, quoted
from compiler.source.span import Source, Span
from compiler.spec.extend import no_spec, read_file, require_spec
from compiler.spec.kinds_of_files import FOLDER, RUN_RECORD, kind_of
from compiler.spec.library import DiskFile, SpecFile, locate
from compiler.spec.load import resolve
from compiler.spec.lock import LOCK
from compiler.spec.package_files import INIT, MODEL, TRAINING

CODE = (MODEL, TRAINING)
"""The files that are always compared; the others where they may have been edited."""

BY_HAND, BY_ANOTHER = "edited by hand", "another version of specformer"
BY_EITHER = f"{BY_ANOTHER}, or edited before the run began"
"""Explanations of lines that no setting explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One thing that is compared, under the name that its user gave it.

    `files` are those that a spec compiles to, or those that lie in the folder of a package, where
    they may have been edited. `is_locked` says that the settings are those of a lock, which has
    every default written out. `otherwise` explains lines that no setting explains.
    """

    name: str
    package: CompiledPackage
    files: dict[str, str]
    is_locked: bool = False
    otherwise: str = BY_HAND

    @property
    def edited(self) -> tuple[str, ...]:
        """The files that are not what the settings compile to."""
        compiled = self.package.files
        return tuple(name for name, text in self.files.items() if text != compiled[name])

    @property
    def edited_beside_the_code(self) -> tuple[str, ...]:
        """The other files that may have been edited: none where the sums say that nobody has."""
        others = (name for name in self.edited if name not in CODE)
        return () if self.otherwise == BY_ANOTHER else tuple(others)


def read_operand(reference: str) -> Operand:
    """Return the operand that a word of the command line means; raises `Rejected`."""
    file, is_locked = find_spec(reference)
    operand = (of_lock if is_locked else of_spec)(file, reference)
    if is_locked and isinstance(file, DiskFile):
        return replace(operand, otherwise=_otherwise(file.path.parent))
    return operand


def find_spec(reference: str) -> tuple[SpecFile, bool]:
    """Return the file with the spec of a word of the command line; True beside it for a lock.

    The word is a spec, the folder of a package or of a run, or `REV:path` in git. Raises
    `Rejected`.
    """
    if folder := _package_folder(Path(reference)) if reference else None:
        return DiskFile(path=folder / LOCK), True
    if path := locate(reference):
        require_spec(kind_of(path), reference)
        return DiskFile(path=path), False
    if is_at_revision(reference):
        file = file_at_revision(reference, inside=LOCK)
        return file, file.path.endswith(LOCK)
    raise Rejected([_nothing(reference)])


def _otherwise(folder: Path) -> str:
    """The reason why a package has lines that its lock does not compile to."""
    if is_as_written(folder):
        return BY_ANOTHER
    return BY_EITHER if is_as_begun(folder) else BY_HAND


def is_as_begun(folder: Path) -> bool:
    """Tell whether a package lies in a run that recorded these very files at its beginning."""
    try:
        sums = json.loads((folder.parent / RUN_RECORD).read_bytes())[folder.name]
        return bool(sums) and all(_sum(folder / name) == sum for name, sum in sums.items())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_as_written(folder: Path) -> bool:
    """Tell whether the checksums beside a package say that nobody has edited it."""
    place = folder.resolve()
    output = Output(folder=place.parent)
    return output.is_listed(place.name) and not output.edited(place.name)


def of_spec(file: SpecFile, name: str) -> Operand:
    """Return the operand of a spec; raises `Rejected`."""
    return of_package(compile_loaded(resolve(read_file(file))), name)


def of_package(package: CompiledPackage, name: str) -> Operand:
    """Return the operand of a spec that is already compiled."""
    return Operand(name=name, package=package, files=package.files)


def of_lock(lock: SpecFile, name: str) -> Operand:
    """Return the operand of the generated package in which a lock lies; raises `Rejected`."""
    package = compile_loaded(resolve(read_file(lock)))
    found = {each: lock.find(each) for each in package.files if each != LOCK}
    files = {each: file.read() if file else "" for each, file in found.items()}
    files[INIT] = files[INIT].replace(EJECTED, WRITTEN, 1)  # ejecting is not editing
    return Operand(name=name, package=package, files=files, is_locked=True)


def _package_folder(path: Path) -> Path | None:
    """The folder itself, or that of a run."""
    try:
        return next((each for each in (path, path / "package") if (each / LOCK).is_file()), None)
    except OSError:  # no path at all: too long
        return None


def _nothing(reference: str) -> Diagnostic:
    at = Span(source=Source(name="spec", text=reference), line=1, column=1, width=len(reference))
    kind = kind_of(Path(reference)) if reference else None
    if kind and kind.name == FOLDER:
        message = f"the folder {quoted(reference)} is no package and no run: it has no {LOCK}"
        return mistake(at, "no-spec", message, kind.advice)
    return no_spec(reference, at)
