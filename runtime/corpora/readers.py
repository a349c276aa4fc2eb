"""The rows of each part of a published corpus, whatever form it is published in."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from urllib.parse import urlsplit

from compiler.spec.data import ParallelFiles
from runtime.corpora.catalogue import Hub, Lines, Pairs, PublishedFile, Talks, TestSet, Text
from runtime.corpora.filters import Row
from runtime.corpora.hub import read_hub, read_tables
from runtime.corpora.supply import PACKINGS, Supply
from runtime.data.files import read_rows
from runtime.data.lines import read_lines
from runtime.errors import UserError

METADATA = re.compile(r"\s*</?(url|keywords|speaker|talkid|reviewer|translator|doc|transcript)\b")
"""The beginning of lines about a talk, which stand between its sentences."""
MARKUP = re.compile(r"</?(title|description)>")
"""Marks around lines that are sentences nevertheless."""
SEGMENT = re.compile(r"\s*<seg\b.*?>(.*)</seg>.*")
FURTHER_TABLES = ("jsonl", "jsonl.gz")


def open_pairs(name: str, part: Pairs, supply: Supply) -> Iterator[Row]:
    """Return the rows of a part, in the order of the corpus's languages.

    All files are fetched before the first row is asked for. Raises a UserError if one is missing
    or damaged.
    """
    brought = _brought(name, part, supply)
    if brought is not None:
        return brought
    languages = supply.corpus.languages
    match part:
        case Lines(files=files):
            return _side_by_side([supply.path(each) for each in files])
        case Hub() if supply.origin is None:
            supply.used[part.repository] = {
                "url": f"https://huggingface.co/datasets/{part.repository}",
                "revision": part.revision,
            }
            return read_hub(part, languages)
        case TestSet():
            return _test_set(part, supply)
        case Talks():
            return _talks(part, supply)
    raise supply.missing(*_names(name, part, languages))


def open_text(part: Text, supply: Supply) -> Iterator[str]:
    """Return the lines of running text with their ends; the last may have none.

    Raises a UserError if the text is missing, damaged, shorter than the part, or not UTF-8.
    """
    packed = [part.member] if part.member else [f"{part.file}{end}" for end in PACKINGS[1:]]
    if path := supply.brought(*packed):
        supply.use(path)
    else:
        path = supply.path(part.file)
        path = supply.member(path, part.member) if part.member else path
    if part.bytes:
        path = supply.cut(path, *part.bytes)
    return read_lines(path, keeps_ends=True)


def _names(name: str, part: Pairs, languages: tuple[str, ...]) -> list[str]:
    """Return the files that are looked for among what the user brings."""
    split = (part.split,) if isinstance(part, Hub) else ()
    stems = dict.fromkeys((*split, name, *part.also))
    return [f"{stem}-*.parquet, {stem}.jsonl, {stem}.{languages[0]}" for stem in stems]


def _brought(name: str, part: Pairs, supply: Supply) -> Iterator[Row] | None:
    """Return the rows of tables, or of files of text, that the user brings for a part."""
    languages = supply.corpus.languages
    stems = dict.fromkeys((*((part.split,) if isinstance(part, Hub) else ()), name, *part.also))
    folders = ("", f"{part.configuration}/") if isinstance(part, Hub) else ("",)
    for stem in (f"{folder}{stem}" for folder in folders for stem in stems):
        ends = (*("-*.parquet", ".parquet"), *(f".{end}" for end in FURTHER_TABLES))
        if tables := supply.shards(*(f"{stem}{end}" for end in ends)):
            supply.use(*tables)
            return read_tables(tables, languages)
        if isinstance(part, Lines) and supply.brought(part.files[0]):
            continue  # the published files, whose checksums are known
        names = [[f"{stem}.{language}{end}" for end in PACKINGS] for language in languages]
        sides = [supply.brought(*each) for each in names]
        if any(sides):
            if lacking := [each[0] for each, side in zip(names, sides, strict=True) if not side]:
                raise supply.missing(*lacking)
            paths = [side for side in sides if side]
            supply.use(*paths)
            return _side_by_side(paths)
    return None


def _side_by_side(paths: list[Path]) -> Iterator[Row]:
    source, target = (str(path.absolute()) for path in paths)
    return read_rows(ParallelFiles(source=source, target=target), "/")


def _test_set(part: TestSet, supply: Supply) -> Iterator[Row]:
    """Read a test set from the archive that sacreBLEU knows, as sacreBLEU reads it."""
    from sacrebleu.dataset import DATASETS

    known = DATASETS[part.test_set]
    url, md5 = (known.data or [])[0], (known.md5 or [])[0]
    name = Path(urlsplit(url).path).name
    archive = supply.path(
        name,
        PublishedFile(url=url, md5=md5, checked_by="sacreBLEU"),
        (f"{part.test_set.replace('/', '_')}.{name}",),
    )
    members = known.langpairs["-".join(supply.corpus.languages)][:2]
    paths = [supply.member(archive, member) for member in members]
    return _zipped([_segments(path) for path in paths], paths)


def _talks(part: Talks, supply: Supply) -> Iterator[Row]:
    def unpacked(member: str) -> Path:
        brought = supply.brought(member, Path(member).name)
        if brought is None:
            return supply.member(supply.path(part.archive), member)
        supply.use(brought)
        return brought

    languages = supply.corpus.languages
    sides = [
        [unpacked(member.format(language=language)) for language in languages]
        for member in part.members
    ]
    return (row for paths in sides for row in _talk_rows(paths))


def _talk_rows(paths: list[Path]) -> Iterator[Row]:
    if paths[0].name.endswith(".xml"):
        return _zipped([_segments(path) for path in paths], paths)
    return _zipped([_tagged(path) for path in paths], paths)


def _tagged(path: Path) -> Iterator[str]:
    """Yield the sentences of training text, without the lines about its talks."""
    for line in read_lines(path):
        if not METADATA.match(line):
            yield MARKUP.sub("", line).strip()


def _segments(path: Path) -> Iterator[str]:
    """Yield the texts between `<seg ...>` and `</seg>`, with single spaces."""
    for line in read_lines(path):
        if match := SEGMENT.match(line):
            yield " ".join(match[1].split())


def _zipped(sides: list[Iterator[str]], paths: list[Path]) -> Iterator[Row]:
    for number, row in enumerate(zip_longest(*sides), start=1):
        if None in row:
            shorter = paths[row.index(None)]
            raise UserError(
                f"{shorter} ends after {number - 1:,} sentences, and "
                f"{paths[1 - row.index(None)]} goes on",
                help="the two sides of a corpus must have equally many sentences: fetch it again",
            )
        yield row
