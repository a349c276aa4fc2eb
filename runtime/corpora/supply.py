"""The files that a corpus is made of: fetched from their addresses, or brought by the user."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from runtime.corpora.catalogue import PublishedCorpus, PublishedFile
from runtime.corpora.fetching import AT_ONCE, Progress, address, check, fetch, silent
from runtime.errors import UserError

PACKINGS = ("", ".gz", ".xz", ".bz2")
"""The ends of the names of files of text that are read as they are."""


class Supply:
    """The files of one corpus.

    `origin` is what the user brings, a folder or a file; without one, files are fetched into
    `folder`, where members of archives are unpacked, too. `earlier` has the SHA-256 of files that
    were fetched before.
    """

    def __init__(
        self,
        corpus: PublishedCorpus,
        folder: Path,
        *,
        origin: Path | None = None,
        earlier: Mapping[str, str] | None = None,
        progress: Progress = silent,
    ) -> None:
        self.corpus, self.origin = corpus, origin
        self.used: dict[str, dict[str, str]] = {}
        """The address and the SHA-256 of each published file, and the path of each brought one."""
        self._folder, self._earlier, self._progress = folder, earlier or {}, progress

    def path(
        self, name: str, file: PublishedFile | None = None, also: tuple[str, ...] = ()
    ) -> Path:
        """Return where a published file lies, and fetch it if nobody brings it.

        Raises a UserError if it is damaged, cannot be fetched, or is not among what was brought.
        """
        file = file or self.corpus.files[name]
        if self.origin is None:
            path = self._folder / name
            if name not in self.used:
                fetch(name, file, path, self._progress)
        elif found := self.brought(name, *also):
            path = found
        else:
            raise self.missing(name)
        if name not in self.used:
            digest = check(path, file, self._earlier.get(name))
            self.used[name] = {"url": address(name, file), "sha256": digest}
        return path

    def brought(self, *names: str) -> Path | None:
        """Return the first of some files that the user brings, if any."""
        if self.origin is None:
            return None
        if self.origin.is_file():
            return self.origin if self.origin.name in names else None
        found = (path for name in names if (path := self.origin / name).is_file())
        return next(found, None)

    def shards(self, *patterns: str) -> list[Path]:
        """Return the files that the user brings under the first pattern that has some."""
        if self.origin is None or not self.origin.is_dir():
            return []
        found = (sorted(self.origin.glob(pattern)) for pattern in patterns)
        return next((files for files in found if files), [])

    def use(self, *paths: Path) -> None:
        """Note files of the user that are not the published ones."""
        for path in paths:
            self.used[path.name] = {"path": str(path)}

    def member(self, archive: Path, name: str) -> Path:
        """Unpack a member of an archive. Raises a UserError if there is none, or it is damaged."""
        target = self._folder / "unpacked" / archive.name / name
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with _explained(archive):
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as packed, packed.open(name) as source:
                    _copy(source, target)
            else:
                with tarfile.open(archive) as packed_tar:
                    source_of_tar = packed_tar.extractfile(name)
                    if source_of_tar is None:
                        raise KeyError(name)
                    _copy(source_of_tar, target)
        return target

    def cut(self, path: Path, begin: int, end: int) -> Path:
        """Copy some bytes of a text into a file of their own.

        A place inside of a character moves to the beginning of that character. Raises a UserError
        if the text ends before.
        """
        target = self._folder / f"{path.name}.{begin}-{end}"
        with path.open("rb") as source, target.open("wb") as out:
            size = source.seek(0, 2)
            if size < end:
                raise UserError(
                    f"{path} has {size:,} bytes, and the published text at least {end:,}",
                    help="it is not whole: fetch it again",
                )
            first, last = (_character_start(source, place) for place in (begin, end))
            source.seek(first)
            while first < last and (chunk := source.read(min(AT_ONCE, last - first))):
                out.write(chunk)
                first += len(chunk)
        return target

    def missing(self, *names: str) -> UserError:
        """Return the error of files that the user does not bring."""
        return UserError(
            f"{self.origin} has no {' or '.join(names)}",
            help="--from names the folder, or the one file, that was fetched by other means: "
            "docs/corpora.md lists the files of each corpus",
        )


def _character_start(file: BinaryIO, place: int) -> int:
    """Return the place of the first byte of the UTF-8 character that has a byte at `place`."""
    for start in range(place, max(place - 4, 0), -1):
        file.seek(start)
        if not (byte := file.read(1)) or byte[0] & 0xC0 != 0x80:
            return start
    return place


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as out:
        shutil.copyfileobj(source, out)


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Turn what can go wrong with an archive into a message for people."""
    try:
        yield
    except KeyError as error:
        raise UserError(
            f"{archive} has no member {error.args[0]}" if error.args else f"{archive} is damaged",
            help="it is another archive than the published one: fetch it again",
        ) from error
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"{archive} is damaged, or no archive: {error}", help="fetch it again"
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise UserError(f"{archive} is damaged: {error}", help="fetch it again") from error
