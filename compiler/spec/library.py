"""Where specs are found: a path, or the name of a spec of the library."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from compiler.source.diagnostic import did_you_mean
from compiler.source.file import read_text

_PACKAGE = Path(__file__).parent.parent


class SpecFile(Protocol):
    """A file that holds a spec, wherever it lies, and knows what `extends` in it means."""

    @property
    def name(self) -> str:
        """As its places are shown: `specs/demo.yaml`."""

    @property
    def identity(self) -> str:
        """The same for the same file, however it was reached."""

    def read(self) -> str:
        """Its text; raises `Rejected` if there is none."""

    def find(self, reference: str) -> "SpecFile | None":
        """What it means by a reference: a path seen from it, else a name of the library."""

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
        return suggestion(reference, self.path.parent)


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


def suggestion(reference: str, beside: Path | None = None) -> str:
    """A help line for a reference that means nothing: the file or the name that is most like it."""
    known = [*library(), *_files_like(reference, beside or Path())]
    return f"{did_you_mean(reference, known)} `specformer list` shows the library".lstrip()


def _files_like(reference: str, beside: Path) -> list[str]:
    """The specs in the folder of a path that leads to none, written as the path was."""
    folder = Path(reference).parent
    try:
        return [str(folder / path.name) for path in sorted((beside / folder).glob("*.yaml"))]
    except (OSError, ValueError):  # no path at all
        return []


if __name__ == "__main__":
    print(*library())
