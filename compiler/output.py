"""The folder that packages are compiled into: which of its files are as they were written.

`SHA256SUMS` in it lists each file that was written, in the format of `sha256sum --check`. A package
that was ejected belongs to its user: it is listed no more, and its `__init__.py` says so.
"""

import errno
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compiler.atomic_files import beside, one_at_a_time, put_folder, replace_file, sync
from compiler.pipeline import CompiledPackage
from compiler.spec.package_files import BYTECODE, FILES, INIT, foreign_files, read_regular

SUMS = "SHA256SUMS"
WRITTEN = "written by specformer."
EJECTED = "ejected from specformer: edit it, nothing writes over it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A folder of packages."""

    folder: Path

    def edited(self, package: str) -> list[str]:
        """The files of a package that were changed, are missing, or do not belong to it.

        Raises an OSError if one cannot be read.
        """
        sums = self._sums(package)
        changed = [name for name, several in sums.items() if self._sum(name) not in several]
        return [*changed, *(f"{package}/{name}" for name in self.foreign(package))]

    def foreign(self, package: str, files: Collection[str] = FILES) -> list[str]:
        """The names in a package's folder that are not its files: Python might import them."""
        place = self.folder / package
        return foreign_files(place, files) if place.is_dir() else []

    def is_listed(self, package: str) -> bool:
        """Return whether the sums of a package's files are known."""
        return bool(self._sums(package))

    def is_ejected(self, package: str) -> bool:
        init = self.folder / package / INIT
        return init.is_file() and EJECTED.encode() in init.read_bytes()

    def is_free(self, package: CompiledPackage) -> bool:
        """Return whether nobody's own work is lost when a package is written."""
        return not self.is_ejected(package.folder_name) and not self.at_stake(package)

    def at_stake(self, package: CompiledPackage) -> list[str]:
        """The files that writing a package would replace or remove, and that nobody else has."""
        name, listed = package.folder_name, self._sums(package.folder_name)
        stale = (f"{name}/{file}" for file in package.stale(self.folder / name))
        foreign = [each for each in stale if each not in listed]
        return [each for each in (*self.edited(name), *foreign) if (self.folder / each).exists()]

    def write(self, package: CompiledPackage) -> None:
        """Writes a package in place of an earlier one of its name.

        Even after a full disk or a signal the folder holds the old package or the new one, and
        `SHA256SUMS` lists it. Files of others in the folder stay there.
        """
        if not self.folder.is_absolute():  # the current folder may be the one that is replaced
            Output(folder=self.folder.resolve()).write(package)
            return
        name = package.folder_name
        with self._alone():
            sums = self._sums(name)
            written = {f"{name}/{file}": _digest(text) for file, text in package.files.items()}
            place = (self.folder / name).resolve()
            if place.exists() and not place.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "a file, where a package goes", str(place))
            new = beside(place)
            try:
                _write_whole(package, new, place)
                both = {each: {*sums.get(each, ()), sum} for each, sum in written.items()}
                self._list(name, sums | both)
                old = put_folder(new, place)
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
            if old:
                ours = {file.rpartition("/")[2] for file in (*sums, *written)}
                _clear(old, place, ours)
            self._list(name, {each: {sum} for each, sum in written.items()})

    def eject(self, package: str) -> None:
        """Hands a package over to its user. The mark is a comment where ours is edited away."""
        with self._alone():
            init = self.folder / package / INIT
            text = init.read_bytes() if init.is_file() else b""
            written, ejected = WRITTEN.encode(), EJECTED.encode()
            is_ours = written in text
            marked = text.replace(written, ejected, 1) if is_ours else b"# %s\n%s" % (ejected, text)
            replace_file(init, marked)
            self._list(package, {})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Locks the folder: two processes that write at once would lose lines of the sums."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(self.folder):
            yield

    def _list(self, package: str, sums: Mapping[str, Iterable[str]]) -> None:
        """Lists these files of a package in the sums, and no others of it.

        While a package is replaced a file has two lines, for the old content and the new one.
        """
        others = {name: sums for name, sums in self._read().items() if not _is_of(package, name)}
        listed = {**others, **sums}
        lines = (f"{sum}  {name}\n" for name in sorted(listed) for sum in sorted(listed[name]))
        replace_file(self.folder / SUMS, "".join(lines).encode())

    def _sums(self, package: str) -> dict[str, set[str]]:
        return {name: sums for name, sums in self._read().items() if _is_of(package, name)}

    def _read(self) -> dict[str, set[str]]:
        """Names with their sums; lines that anybody else has added are none of ours."""
        path = self.folder / SUMS
        text = read_regular(path).decode(errors="replace") if os.path.lexists(path) else ""
        found = defaultdict[str, set[str]](set)
        for sum, _, name in (line.partition("  ") for line in text.splitlines()):
            if name:
                found[name].add(sum)
        return dict(found)

    def _sum(self, name: str) -> str | None:
        path = self.folder / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _write_whole(package: CompiledPackage, new: Path, place: Path) -> None:
    """Writes a package into a new folder, with the rights of the folder whose place it takes."""
    package.write(new)
    for name in package.files:
        sync(new / name)
    if place.exists():
        shutil.copymode(place, new)
    sync(new)


def _clear(old: Path, place: Path, ours: set[str]) -> None:
    """Removes a package that was replaced; files of others move into the new folder."""
    for each in list(old.iterdir()):
        if each.name not in ours | {BYTECODE}:
            each.rename(place / each.name)
    shutil.rmtree(old)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_of(package: str, name: str) -> bool:
    """Return whether a file lies in the folder of a package, and no deeper."""
    return name.rpartition("/")[0] == package
