"""A published corpus in a folder: a file for each part and language, counted, with checksums."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from compiler.atomic_files import beside
from runtime.corpora.catalogue import HeldOut, Pairs, PublishedCorpus, Text, find_corpus
from runtime.corpora.fetching import Progress, silent
from runtime.corpora.filters import Counts, Filters, Row, Sieve, refuse_filters
from runtime.corpora.readers import open_pairs, open_text
from runtime.corpora.supply import Supply
from runtime.data.checksummed import write_sums
from runtime.errors import UserError
from runtime.system.atomic_files import explained_disk_errors, new_folder, remove

RECORD = "corpus.json"
"""The file that says where the text comes from, and how many pairs were left out of it."""
TRAIN = "train"
SHOWN_EVERY = 1000
"""Pairs after which the progress is shown."""
INSIDE_A_LINE = str.maketrans(dict.fromkeys("\r\n\0", " "))
"""The characters that a line of a text file cannot have, each of which becomes a space."""


@dataclass(frozen=True, slots=True)
class Written:
    """A corpus that was written: the counts of its parts, and doubts about them."""

    counts: dict[str, Counts]
    doubts: list[str]


def write_published(
    name: str,
    folder: Path,
    *,
    origin: Path | None = None,
    filters: Filters | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Written:
    """Write a published corpus into a new folder, whole or not at all.

    `origin` is a folder or a file with what was fetched by other means. With `force`, a corpus
    that this function wrote before is replaced. Raises a UserError if the folder is there, if a
    file is missing, damaged, or cannot be fetched, and if filters are set for running text.
    """
    corpus, filters = find_corpus(name), filters or Filters()
    if corpus.is_text:
        refuse_filters(name, filters)
    if origin is not None and not origin.exists():
        raise UserError(f"there is no {origin}", help="--from names a file or a folder")
    earlier = _earlier(folder, force=force)
    with explained_disk_errors(folder), _replacing(folder) as unfinished:
        fetched = unfinished / "fetched"
        fetched.mkdir()
        supply = Supply(corpus, fetched, origin=origin, earlier=earlier, progress=progress)
        writer = _Writer(corpus, unfinished, supply, filters, progress)
        with _without_folder(fetched):
            writer.write()
        shutil.rmtree(fetched)
        _write_record(unfinished, name, writer, filters)
        write_sums(unfinished)
    return Written(writer.counts, writer.doubts())


class _Writer:
    """Writes the parts of one corpus and counts what it writes."""

    def __init__(
        self,
        corpus: PublishedCorpus,
        folder: Path,
        supply: Supply,
        filters: Filters,
        progress: Progress,
    ) -> None:
        self.corpus, self.supply = corpus, supply
        self.counts: dict[str, Counts] = {}
        self._folder, self._filters, self._progress = folder, filters, progress

    def write(self) -> None:
        """Fetch the files of all parts, then write one part after the other."""
        steps: list[Callable[[], None]] = []
        for name, part in self.corpus.parts.items():
            if isinstance(part, Text):
                steps.append(partial(self._write_text, name, open_text(part, self.supply)))
            elif not isinstance(part, HeldOut):
                rows = open_pairs(name, part, self.supply)
                steps.append(partial(self._write_pairs, name, part, rows))
        for step in steps:
            step()

    def doubts(self) -> list[str]:
        """Return a line for each part that has not as many pairs as the published one."""
        published = {
            name: part.rows for name, part in self.corpus.parts.items() if isinstance(part, Pairs)
        }
        return [
            f"{name} has {self.counts[name].read:,} pairs, and {rows:,} where it is published"
            for name, rows in published.items()
            if rows is not None and rows != self.counts[name].read
        ]

    def _write_text(self, name: str, lines: Iterator[str]) -> None:
        counts = self.counts[name] = Counts()
        with self._files(name) as (file,):
            for line in lines:
                file.write(line)
                counts.read += len(line)
        counts.written = counts.read

    def _write_pairs(self, name: str, part: Pairs, rows: Iterator[Row]) -> None:
        held_out = {
            other: held
            for other, held in self.corpus.parts.items()
            if isinstance(held, HeldOut) and held.part == name
        }
        self.counts |= {each: Counts() for each in (name, *held_out)}
        is_filtered = name == TRAIN or self._filters.everywhere
        sieve = Sieve(self._filters) if is_filtered else None
        with self._files(name) as files, ExitStack() as stack:
            others = [
                (each, held.every, stack.enter_context(self._files(each)))
                for each, held in held_out.items()
            ]
            with self._progress(name, part.rows or 0) as advance:
                for number, row in enumerate(rows, start=1):
                    self._write_row(name, _lines(row), sieve, files, others)
                    if number % SHOWN_EVERY == 0:
                        advance(SHOWN_EVERY)
        if not self.counts[name].written:
            raise UserError(
                f"{name}: no pair is left: {self.counts[name].said()}", help="loosen the filters"
            )

    def _write_row(
        self,
        part: str,
        row: Row,
        sieve: Sieve | None,
        files: list[TextIO],
        others: list[tuple[str, int, list[TextIO]]],
    ) -> None:
        counts = self.counts[part]
        counts.read += 1
        if sieve is not None and (reason := sieve.reason(row)):
            counts.dropped[reason] += 1
            return
        for name, every, held_files in others:
            if (counts.written + counts.held_out + 1) % every == 0:
                counts.held_out += 1
                self.counts[name].read += 1
                self.counts[name].written += 1
                _write_sides(row, held_files)
                return
        counts.written += 1
        _write_sides(row, files)

    @contextmanager
    def _files(self, name: str) -> Iterator[list[TextIO]]:
        with ExitStack() as stack:
            paths = [self._folder / f"{name}.{language}" for language in self.corpus.languages]
            yield [
                stack.enter_context(path.open("w", encoding="utf-8", newline="")) for path in paths
            ]


@contextmanager
def _without_folder(folder: Path) -> Iterator[None]:
    """Leave the path of a folder that is removed anyway out of errors; names in it stay."""
    try:
        yield
    except UserError as error:
        message, help = (each.replace(f"{folder}/", "") for each in (str(error), error.help))
        raise UserError(message, help=help) from error


def _lines(row: Row) -> Row:
    return tuple(side.translate(INSIDE_A_LINE) for side in row)


def _write_sides(row: Row, files: list[TextIO]) -> None:
    for side, file in zip(row, files, strict=True):
        file.write(f"{side}\n")


def _earlier(folder: Path, *, force: bool) -> Mapping[str, str]:
    """Return the SHA-256 of the files that a corpus was made of, if it may be replaced.

    Raises a UserError if the folder is there and is none that may be.
    """
    if not folder.exists() and not folder.is_symlink():
        return {}
    if not force:
        raise UserError(
            f"{folder} exists already",
            help="choose another name, or add --force to replace a corpus that this command wrote",
        )
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return {name: file["sha256"] for name, file in record["files"].items() if "sha256" in file}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f"{folder} is no corpus that `corpus --name` wrote: it has no readable {RECORD}",
            help="--force replaces nothing else: choose another name, or remove it first",
        ) from error


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of an old one, if any, when it is whole."""
    if not folder.exists():
        with new_folder(folder) as unfinished:
            yield unfinished
        return
    old = beside(folder)
    try:
        with new_folder(folder) as unfinished:
            yield unfinished
            folder.rename(old)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        raise
    remove(old)


def _write_record(folder: Path, name: str, writer: _Writer, filters: Filters) -> None:
    corpus = writer.corpus
    record: dict[str, Any] = {
        "corpus": name,
        "summary": corpus.summary,
        "licence": corpus.licence,
        "homepage": corpus.homepage,
        "citation": corpus.citation,
        "languages": list(corpus.languages),
        "filters": asdict(filters),
        "files": writer.supply.used,
        "parts": {part: _counted(corpus, counts) for part, counts in writer.counts.items()},
    }
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / RECORD).write_text(text, encoding="utf-8")


def _counted(corpus: PublishedCorpus, counts: Counts) -> dict[str, Any]:
    if corpus.is_text:
        return {"characters": counts.written}
    return asdict(counts) | {"dropped": dict(counts.dropped)}
