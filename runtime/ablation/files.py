"""The files of an ablation's folder: their names, how they are read and written."""

from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from runtime.ablation.record import Failure, Queue, Result
from runtime.errors import UserError
from runtime.system.atomic_files import replace_file
from runtime.system.checksummed import read_sealed_file, sealed

QUEUE, RESULT, FAILURE, OUTPUT = "ablation.json", "result.json", "failure.json", "output.txt"
ROWS, PACKAGE, RUN, DIFFERENCE = "rows", "package", "run", "difference.html"
JOBS = "jobs"
"""What a cluster's jobs leave."""

Record = TypeVar("Record", Queue, Result, Failure)


def read_record(path: Path, kind: type[Record]) -> Record:
    """Raises a UserError if the file is not what we write."""
    content = read_sealed_file(path)
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path} cannot be read: {f'{where}: ' if where else ''}{first['msg']}",
            help="it was changed by hand or written by another version of specformer",
        ) from error


def write_record(path: Path, record: Queue | Result | Failure) -> None:
    """Whole or not at all."""
    replace_file(path, sealed(asdict(record)))


def write_failure(folder: Path, failure: Failure) -> None:
    """Why a row has no result."""
    write_record(folder / FAILURE, failure)
