"""Text in files: plain or `.gz`, alone, two files side by side, or columns between tabs.

Only `\\n` ends a line. (`str.splitlines` would also break at U+2028 and its like, and from there on
every row would be wrong.)
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from io import BufferedReader
from itertools import zip_longest
from pathlib import Path

from compiler.spec.data import (
    Corpus,
    LabelledColumns,
    LabelledFiles,
    ParallelFiles,
    Paths,
    TabSeparated,
)
from runtime.errors import UserError

Row = tuple[str, ...]
"""What stands side by side: (source, target), (text,) or (text, label)."""

Columns = TabSeparated | LabelledColumns
TwoFiles = ParallelFiles | LabelledFiles


def read_rows(corpus: Corpus, folder: str | Path) -> Iterator[Row]:
    """All lines of a corpus whose paths start from `folder`, empty ones too.

    Raises a UserError that names the file, and the line if there is one.
    """
    if isinstance(corpus, Columns):
        for path in find_files(corpus.tsv, folder):
            yield from _read_columns(path, corpus)
    elif isinstance(corpus, TwoFiles):
        for left, right in _find_parallel(corpus, folder):
            yield from _read_parallel(left, right, corpus)
    else:
        for path in find_files(corpus.text, folder):
            yield from ((line,) for line in read_lines(path))


def corpus_files(corpus: Corpus, folder: str | Path) -> list[Path]:
    """The files of a corpus, in the order in which they are read."""
    if isinstance(corpus, Columns):
        return find_files(corpus.tsv, folder)
    if isinstance(corpus, TwoFiles):
        return [path for pair in _find_parallel(corpus, folder) for path in pair]
    return find_files(corpus.text, folder)


def place_of_row(corpus: Corpus, folder: str | Path, row: int) -> str:
    """FILE:LINE of the last column of a row, counted from 0; reads the files anew."""
    files = corpus_files(corpus, folder)
    for path in files[1::2] if isinstance(corpus, TwoFiles) else files:
        lines = sum(1 for _ in read_lines(path))
        if row < lines:
            return f"{path}:{row + 1}"
        row -= lines
    raise ValueError(f"expected a row of the corpus, got one {row + 1} beyond its end")


def find_files(paths: Paths, folder: str | Path) -> list[Path]:
    """The files that paths and globs stand for; those of one glob in alphabetical order."""
    root = Path(folder).expanduser()
    patterns = [paths] if isinstance(paths, str) else paths
    return [path for pattern in patterns for path in _expand(pattern, root)]


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file without their ends; a byte order mark is removed."""
    number = 0
    with _explained(path), _open(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            yield _decode(line, path, number).removesuffix("\n").removesuffix("\r")
    if number == 0:
        raise UserError(f"{path} is empty", help="give a file with at least one line of text")


def _expand(pattern: str, root: Path) -> list[Path]:
    path = root / pattern
    if path.exists():
        return [path]
    if not has_magic(pattern):
        raise UserError(f"there is no file {path}", help=f"the paths in `data:` start from {root}")
    matches = [root / match for match in sorted(glob(pattern, root_dir=root, recursive=True))]
    files = [match for match in matches if match.is_file()]
    if not files:
        raise UserError(f"no file matches {path}", help=f"the paths in `data:` start from {root}")
    return files


def _find_parallel(corpus: TwoFiles, folder: str | Path) -> list[tuple[Path, Path]]:
    names, paths = zip(*corpus.model_dump().items(), strict=True)
    left, right = (find_files(each, folder) for each in paths)
    if len(left) != len(right):
        raise UserError(
            f"{len(left)} {names[0]} files ({left[0]} ...), "
            f"but {len(right)} {names[1]} files ({right[0]} ...)",
            help=f"give as many files for `{names[1]}` as for `{names[0]}`, in the same order",
        )
    return list(zip(left, right, strict=True))


def _read_parallel(left: Path, right: Path, corpus: TwoFiles) -> Iterator[Row]:
    lefts, rights = read_lines(left), read_lines(right)
    for number, (one, other) in enumerate(zip_longest(lefts, rights)):
        if one is None or other is None:
            longer = 1 + number + sum(1 for _ in (rights if one is None else lefts))
            lengths = (number, longer) if one is None else (longer, number)
            raise _different_lengths((left, right), lengths, corpus)
        yield one, other


def _different_lengths(
    paths: tuple[Path, Path], lengths: tuple[int, int], corpus: TwoFiles
) -> UserError:
    what = "translation" if isinstance(corpus, ParallelFiles) else "label"
    return UserError(
        f"{paths[0]} has {lengths[0]:,} lines, but {paths[1]} has {lengths[1]:,}",
        help=f"each line of the one must be the {what} of the same line of the other",
    )


def _read_columns(path: Path, corpus: Columns) -> Iterator[Row]:
    """An empty line is a row of empty texts; any other line must have both columns."""
    names, (left, right) = zip(*corpus.model_dump(exclude={"tsv"}).items(), strict=True)
    needed = max(left, right) + 1
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t") if line else [""] * needed
        if len(columns) < needed:
            raise UserError(
                f"{path}:{number}: expected at least {needed} columns between tabs, "
                f"got {len(columns)}",
                help=f"`{names[0]}` and `{names[1]}` are counted from 0",
            )
        yield columns[left], columns[right]


def _open(path: Path) -> BufferedReader:
    return BufferedReader(gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _decode(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}:{number}: not UTF-8: byte 0x{line[error.start]:02x} at place {error.start + 1}"
            " of the line",
            help=f"convert the file, for example: iconv -f LATIN1 -t UTF-8 {path.name}",
        ) from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what can go wrong with a file into a message for people."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"there is no file {path}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path} is not a complete gzip file: {error}",
            help="fetch it again, or drop `.gz` from its name if it is plain text",
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
