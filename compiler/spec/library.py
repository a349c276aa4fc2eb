"""Files of specs, found by a path or by the name of a spec of the library."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from compiler.source.diagnostic import nearest
from compiler.source.read import read_text
from compiler.spec.kinds_of_files import SPEC, kind_of

_MOST_FOLDERS, _MOST_FILES = 20, 50
"""The most folders and files that are searched for a spec of a similar name."""
_PACKAGE = Path(__file__).parent.parent


class SpecFile(Protocol):
    """A file that holds a spec, wherever it lies, and knows what `extends` in it means."""

    @property
    def name(self) -> str:
        """The name that its places are shown with: `specs/demo.yaml`."""

    @property
    def identity(self) -> str:
        """A text that is equal for equal files, however they were reached."""

    def read(self) -> str:
        """Return the text of the file. Raises `Rejected` if there is no such file."""

    def find(self, reference: str) -> "SpecFile | None":
        """Return the file of a reference: a path seen from this one, else a name of the library."""

    def suggestion(self, reference: str) -> str:
        """A help line for a reference by which it means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFile:
    """A file on the disk."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def identity(self) -> str:
        return str(self.path.resolve())

    def read(self) -> str:
        return read_text(self.path)

    def find(self, reference: str) -> SpecFile | None:
        found = locate(reference, self.path.parent)
        return DiskFile(path=found) if found else None

    def suggestion(self, reference: str) -> str:
        return suggestion(reference, self.path.parent, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwrittenFile(DiskFile):
    """A file that has a place, and is not written there yet."""

    text: str

    def read(self) -> str:
        return self.text


def folder() -> Path:
    """The library: `specs/` of the checkout, or the copy that an installed wheel carries."""
    checkout = _PACKAGE.parent / "specs"
    return checkout if checkout.is_dir() else _PACKAGE / "specs"


def library() -> dict[str, Path]:
    """The specs of the library by name, in alphabetical order; rows of ablations are none of it."""
    files = sorted(folder().rglob("*.yaml"), key=lambda path: path.stem)
    return {path.stem: path for path in files if "ablations" not in path.parts}


def locate(reference: str, beside: Path | None = None) -> Path | None:
    """The file that a reference means: a path (seen from `beside`), else a name of the library."""
    path = (beside or Path()) / reference
    try:
        found = path.is_file()
    except (OSError, ValueError):  # no path at all: too long, or with a null character
        found = False
    return path if found else library().get(reference)


def suggestion(reference: str, beside: Path | None = None, child: Path | None = None) -> str:
    """The help for a reference that names no spec: the spec that was probably meant.

    A file of that name one folder up or down comes before similar names. The spec `child` itself
    and files of other kinds are not offered.
    """
    near = [path for path in _specs_near(reference, beside or Path()) if not _is_same(path, child)]
    wanted = Path(reference).stem.lower()
    found = [path for path in near if path.stem.lower() == wanted]
    if not found and wanted not in library():
        stems = {path.stem: path for path in near}
        like = nearest(wanted, [*stems, *library()])
        found = [stems[like]] if like in stems else []
        wanted = like or ""
    if not found and wanted not in library():
        return "`specformer list` shows the library"
    meant = os.path.relpath(found[0], beside or Path()) if found else wanted
    return f"did you mean `{meant}`? `specformer list` shows the library"


def _specs_near(reference: str, beside: Path) -> list[Path]:
    """The specs in the folder that a path leads into, and in and around that of the child."""
    folders = [(beside / reference).parent, beside, beside.resolve().parent]
    try:
        below = [each for each in sorted(beside.iterdir()) if each.is_dir()][:_MOST_FOLDERS]
        return [
            path
            for folder in dict.fromkeys([*folders, *below])
            for suffix in ("yaml", "yml")
            for path in sorted(folder.glob(f"*.{suffix}"))[:_MOST_FILES]
            if (kind := kind_of(path)) is not None and kind.name == SPEC
        ]
    except (OSError, ValueError):  # no path at all
        return []


def _is_same(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()


if __name__ == "__main__":
    print(*library())
