"""Data sets of the Hugging Face hub, and the tables in which they are published."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from runtime.corpora.catalogue import Hub
from runtime.corpora.fetching import no_connection
from runtime.corpora.filters import Row
from runtime.data.lines import read_lines
from runtime.errors import UserError
from runtime.system.atomic_files import FULL

HOST = "huggingface.co"
AT_ONCE = 1000
"""Rows that are taken from a table at a time."""
SHARD = re.compile(r"-(\d+)-of-(\d+)\.")


def read_hub(part: Hub, languages: tuple[str, ...]) -> Iterator[Row]:
    """Fetch a split, which the package `datasets` keeps in its cache, and return its rows.

    Raises a UserError if that package is missing or the hub does not answer.
    """
    table = _fetched(part)
    place = f"{part.repository} {part.configuration} {part.split}"
    batches = (_unbatched(batch) for batch in table.iter(batch_size=AT_ONCE))
    return _rows((record for batch in batches for record in batch), languages, place)


def read_tables(paths: list[Path], languages: tuple[str, ...]) -> Iterator[Row]:
    """Return the rows of files with the extension .parquet, or of JSON objects, one a line.

    Raises a UserError if a file of a numbered series is missing, or one cannot be read.
    """
    _refuse_gaps(paths)
    readers = [_parquet(path) if path.suffix == ".parquet" else _json(path) for path in paths]
    pairs = zip(paths, readers, strict=True)
    return (row for path, records in pairs for row in _rows(records, languages, str(path)))


def _fetched(part: Hub) -> Any:
    datasets = _library("datasets", f"{part.repository} lies on the Hugging Face hub")
    try:
        return datasets.load_dataset(
            part.repository, part.configuration, split=part.split, revision=part.revision
        )
    except ConnectionError as error:
        raise no_connection(HOST, f"{error}") from error
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        raise UserError(
            f"{part.repository} cannot be fetched from the Hugging Face hub: {error}",
            help="try again, or fetch its .parquet files by other means and name their folder by "
            "--from",
        ) from error


def _library(name: str, reason: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"{reason}, and the package `{name.partition('.')[0]}` is not installed",
            help="pip install 'specformer[corpora]'; or bring plain text by --from, as "
            "docs/corpora.md says",
        ) from error


def _unbatched(batch: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    names = list(batch)
    return (dict(zip(names, values, strict=True)) for values in zip(*batch.values(), strict=True))


def _parquet(path: Path) -> Iterator[Any]:
    parquet = _library("pyarrow.parquet", f"{path} is a Parquet file")
    errors = _library("pyarrow", f"{path} is a Parquet file").ArrowException
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=AT_ONCE):
                yield from batch.to_pylist()
    except (OSError, errors) as error:
        raise UserError(f"{path} is no whole Parquet file: {error}", help="fetch it again") from (
            error
        )


def _json(path: Path) -> Iterator[Any]:
    for number, line in enumerate(read_lines(path), start=1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}:{number}: this line is no JSON: {error}") from error


def _rows(records: Iterable[Any], languages: tuple[str, ...], place: str) -> Iterator[Row]:
    """Yield the texts of records: `{"translation": {"de": ..., "en": ...}}`, or without its key."""
    for number, record in enumerate(records, start=1):
        sides = record.get("translation", record) if isinstance(record, dict) else None
        texts = [sides.get(each) if isinstance(sides, dict) else None for each in languages]
        if not all(isinstance(text, str) for text in texts):
            raise UserError(
                f"{place}, row {number:,}: expected texts named {' and '.join(languages)}",
                help='a row is {"translation": {"de": "...", "en": "..."}}, or has a column for '
                "each language",
            )
        yield tuple(str(text) for text in texts)


def _refuse_gaps(paths: list[Path]) -> None:
    """Refuse a series of which a file is missing: train-00000-of-00003, ... Raises a UserError."""
    numbers = [match.groups() for path in paths if (match := SHARD.search(path.name))]
    if not numbers:
        return
    have, total = {int(number) for number, _ in numbers}, int(numbers[0][1])
    if lacking := sorted(set(range(total)) - have):
        name = SHARD.sub(f"-{lacking[0]:05}-of-{total:05}.", paths[0].name)
        raise UserError(
            f"{paths[0].parent} lacks {len(lacking)} of {total} files, {name} first",
            help="bring all files of the series",
        )
