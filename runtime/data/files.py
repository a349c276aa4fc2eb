"""The text of a corpus: one file, files side by side, or columns between tabs."""

from collections.abc import Iterator
from glob import has_magic
from itertools import zip_longest
from pathlib import Path

from compiler.spec.data import (
    Corpus,
    LabelledColumns,
    LabelledFiles,
    ParallelFiles,
    Paths,
    RunningText,
    TabSeparated,
    sides_of,
)
from compiler.spec.data_files import matching, root_of
from runtime.data.lines import read_lines, require_regular
from runtime.data.running import read_running
from runtime.errors import UserError

Row = tuple[str, ...]
"""What stands side by side: (source, target, further references), (text,) or (text, label)."""

HEADINGS = {
    *("source", "target", "src", "tgt", "trg", "reference", "translation", "input", "output"),
    *("text", "sentence", "label", "labels", "class", "category", "sentiment"),
    *("en", "de", "fr", "es", "it", "nl", "pt", "ru", "zh", "ja", "cs", "ro", "tr", "ar"),
    *("english", "german", "french"),
}
"""What the columns of tables of texts are called, in the first line of files that name them."""

Columns = TabSeparated | LabelledColumns
SideBySide = ParallelFiles | LabelledFiles


class MissingText(UserError):
    """Raised for files of a corpus that are not in its `folder`."""

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message, help=_where(folder))
        self.folder = folder


def read_rows(corpus: Corpus, folder: str | Path) -> Iterator[Row]:
    """All lines of a corpus whose paths start from `folder`, empty ones too.

    Those of running text have their ends, and what parts documents is left out.

    Raises a UserError that names the file, and the line if there is one.
    """
    if isinstance(corpus, Columns):
        for path in find_files(corpus.tsv, folder):
            yield from _read_columns(path, corpus)
    elif isinstance(corpus, SideBySide):
        for paths in _find_side_by_side(corpus, folder):
            yield from _read_side_by_side(paths, corpus)
    elif isinstance(corpus, RunningText):
        yield from ((line.text,) for line in read_running(corpus, find_files(corpus.text, folder)))
    else:
        for path in find_files(corpus.text, folder):
            yield from ((line,) for line in read_lines(path))


def heading(corpus: Corpus, folder: str | Path) -> str | None:
    """A warning where the first line between tabs has the names of columns in the place of texts.

    None where no file has one. Raises a UserError as `read_rows` does.
    """
    if not isinstance(corpus, Columns):
        return None
    for path in find_files(corpus.tsv, folder):
        row = next(_read_columns(path, corpus))
        if all(cell.strip().strip('"').casefold() in HEADINGS for cell in row):
            names = ", ".join(map(repr, row))
            return (
                f"warning: {path}:1 looks like the names of columns ({names}), and is read as a "
                "text: remove that line if it is none"
            )
    return None


def corpus_files(corpus: Corpus, folder: str | Path) -> list[Path]:
    """The files of a corpus, in the order in which they are read."""
    if isinstance(corpus, Columns):
        return find_files(corpus.tsv, folder)
    if isinstance(corpus, SideBySide):
        return [path for paths in _find_side_by_side(corpus, folder) for path in paths]
    return find_files(corpus.text, folder)


def place_of_row(corpus: Corpus, folder: str | Path, row: int) -> str:
    """FILE:LINE of the label or text of a row, counted from 0; reads the files anew."""
    files = corpus_files(corpus, folder)
    for path in files[1::2] if isinstance(corpus, LabelledFiles) else files:
        lines = sum(1 for _ in read_lines(path))
        if row < lines:
            return f"{path}:{row + 1}"
        row -= lines
    raise ValueError(f"expected a row of the corpus, got one {row + 1} beyond its end")


def find_files(paths: Paths, folder: str | Path) -> list[Path]:
    """The files that paths and globs stand for; those of one glob in alphabetical order."""
    try:
        root = root_of(folder)
    except RuntimeError as error:
        raise UserError(f"{folder}: there is no such user", help="write the whole path") from error
    patterns = [paths] if isinstance(paths, str) else paths
    return [path for pattern in patterns for path in _expand(pattern, root)]


def _expand(pattern: str, root: Path) -> list[Path]:
    path = root / pattern
    if found := matching(pattern, root):
        if path.exists():
            require_regular(path)
        return found
    if not has_magic(pattern):
        is_link = path.is_symlink()
        link = f": it is a link to {path.readlink()}, which is not there" if is_link else ""
        raise MissingText(f"there is no file {path}{link}", root)
    raise MissingText(f"no file matches {path}", root)


def _where(root: Path) -> str:
    place = f"{root}" if root.is_absolute() else f"{root}, seen from {Path.cwd()}"
    return (
        f"the paths in `data:` start from {place}; if the text lies elsewhere now: "
        "--data FOLDER of `train` and `evaluate`, or --set data.folder=FOLDER with a spec"
    )


def _find_side_by_side(corpus: SideBySide, folder: str | Path) -> list[tuple[Path, ...]]:
    """The files whose lines belong together; further references come last."""
    names = [*sides_of(corpus)]
    paths: list[Paths] = [getattr(corpus, name) for name in names]
    if isinstance(corpus, ParallelFiles) and corpus.references:
        paths += corpus.references
        names += [f"references[{number}]" for number in range(len(corpus.references))]
    first, *others = (find_files(each, folder) for each in paths)
    for name, files in zip(names[1:], others, strict=True):
        if len(files) != len(first):
            raise _different_numbers(names[0], first, name, files)
    return list(zip(first, *others, strict=True))


def _different_numbers(one: str, lefts: list[Path], other: str, rights: list[Path]) -> UserError:
    several = len(lefts) == 1 and other == "target"
    return UserError(
        f"{len(lefts)} {one} files ({lefts[0]} ...), "
        f"but {len(rights)} {other} files ({rights[0]} ...)",
        help=f"give as many files for `{other}` as for `{one}`, in the same order"
        + ("; further translations of one text are `references: [FILE, ...]`" if several else ""),
    )


def _read_side_by_side(paths: tuple[Path, ...], corpus: SideBySide) -> Iterator[Row]:
    files = [read_lines(path) for path in paths]
    for number, row in enumerate(zip_longest(*files)):
        if None in row:
            lengths = [
                number if line is None else number + 1 + sum(1 for _ in file)
                for line, file in zip(row, files, strict=True)
            ]
            raise _different_lengths(paths, lengths, corpus)
        yield row


def _different_lengths(
    paths: tuple[Path, ...], lengths: list[int], corpus: SideBySide
) -> UserError:
    what = "translation" if isinstance(corpus, ParallelFiles) else "label"
    other = next(index for index, length in enumerate(lengths) if length != lengths[0])
    return UserError(
        f"{paths[0]} has {lengths[0]:,} lines, but {paths[other]} has {lengths[other]:,}",
        help=f"each line of the one must be the {what} of the same line of the other",
    )


def _read_columns(path: Path, corpus: Columns) -> Iterator[Row]:
    """An empty line is a row of empty texts; all others must have equally many columns.

    An additional column comes from a tab inside a text, after which every column would be
    mistaken for another.
    """
    names = sides_of(corpus)
    columns = [getattr(corpus, name) for name in names]
    columns += getattr(corpus, "reference_columns", None) or []
    wanted = 0
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            yield ("",) * len(columns)
            continue
        cells = line.split("\t")
        if len(cells) <= max(columns):
            raise UserError(
                f"{path}:{number}: expected at least {max(columns) + 1} columns between tabs, "
                f"got {len(cells)}",
                help=f"`{names[0]}` and `{names[1]}` are counted from 0",
            )
        wanted = wanted or len(cells)
        if len(cells) != wanted:
            raise UserError(
                f"{path}:{number}: {len(cells)} columns between tabs, but {wanted} in the lines "
                "before",
                help="a tab ends a column, also within quotes: remove it from the text, or bring "
                "all lines to the same columns",
            )
        yield tuple(cells[column] for column in columns)
