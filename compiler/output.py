"""The folder that packages are compiled into: which of its files are as they were written.

`SHA256SUMS` in it lists each file that was written, in the format of `sha256sum --check`. A package
that was ejected belongs to its user: it is listed no more, and its `__init__.py` says so.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compiler.pipeline import CompiledPackage

SUMS, INIT = "SHA256SUMS", "__init__.py"
WRITTEN = "written by specformer."
EJECTED = "ejected from specformer: edit it, nothing writes over it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A folder of packages."""

    folder: Path

    def edited(self, package: str) -> list[str]:
        """The files of a package that are not as they were written, or are gone."""
        return [name for name, sum in self._sums(package).items() if self._sum(name) != sum]

    def is_listed(self, package: str) -> bool:
        """Whether it is known how the files of a package were written."""
        return bool(self._sums(package))

    def is_ejected(self, package: str) -> bool:
        init = self.folder / package / INIT
        return init.is_file() and EJECTED.encode() in init.read_bytes()

    def is_free(self, package: CompiledPackage) -> bool:
        """Whether no work of anybody's hands is lost when a package is written."""
        return not self.is_ejected(package.folder_name) and not self.at_stake(package)

    def at_stake(self, package: CompiledPackage) -> list[str]:
        """The files that writing a package would replace or remove, and that nobody else has."""
        name, listed = package.folder_name, self._sums(package.folder_name)
        stale = (f"{name}/{file}" for file in package.stale(self.folder / name))
        foreign = [each for each in stale if each not in listed]
        return [each for each in (*self.edited(name), *foreign) if (self.folder / each).exists()]

    def write(self, package: CompiledPackage) -> None:
        """Writes a package, and removes what an earlier one of its name had besides."""
        place = self.folder / package.folder_name
        written = [f"{package.folder_name}/{name}" for name in package.files]
        for name in self._sums(package.folder_name).keys() - set(written):
            if (self.folder / name).is_file():
                (self.folder / name).unlink()
        package.write(place)
        self._list(package.folder_name, written)

    def eject(self, package: str) -> None:
        """Hands a package over to its user. The mark is a comment where ours is edited away."""
        init = self.folder / package / INIT
        text = init.read_bytes() if init.is_file() else b""
        written, ejected = WRITTEN.encode(), EJECTED.encode()
        is_ours = written in text
        marked = text.replace(written, ejected, 1) if is_ours else b"# %s\n%s" % (ejected, text)
        init.write_bytes(marked)
        self._list(package, [])

    def _list(self, package: str, names: Iterable[str]) -> None:
        """Lists these files, and no others of a package."""
        others = {name: sum for name, sum in self._read().items() if not _is_of(package, name)}
        sums = {**others, **{name: str(self._sum(name)) for name in names}}
        lines = (f"{sums[name]}  {name}\n" for name in sorted(sums))
        (self.folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")

    def _sums(self, package: str) -> dict[str, str]:
        return {name: sum for name, sum in self._read().items() if _is_of(package, name)}

    def _read(self) -> dict[str, str]:
        """Names with their sums; lines that anybody else has added are none of ours."""
        path = self.folder / SUMS
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        lines = (line.partition("  ") for line in text.splitlines())
        return {name: sum for sum, _, name in lines if name}

    def _sum(self, name: str) -> str | None:
        path = self.folder / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _is_of(package: str, name: str) -> bool:
    """Whether a file lies in the folder of a package, and no deeper: sums may say anything."""
    return name.rpartition("/")[0] == package
