"""Running text: lines with their ends, one after the other, and where documents begin."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compiler.spec.data import RunningText
from runtime.data.lines import read_lines
from runtime.errors import UserError

SEPARATORS = {"file": "", "blank_line": "\n\n", "line": "\n"}
"""The characters that a boundary between documents stands for, by what separates them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end, unless that is the end of its document."""

    text: str
    begins: bool
    """Tells whether it is the first line of a document, or of the part of the text that is read."""


def read_running(corpus: RunningText, files: Iterable[Path]) -> Iterator[Line]:
    """Yield the lines of running text. Raises a UserError if there is none in the part to read."""
    is_empty = True
    for path in files:
        lines = _part(path, corpus.part) if corpus.part else read_lines(path, keeps_ends=True)
        for line in _documents(lines, corpus.separator):
            is_empty = False
            yield line
    if is_empty and corpus.part:
        raise UserError(
            f"the part {corpus.part} of {corpus.text} has no text",
            help="give a larger part in `part`, in shares of the file's characters",
        )


def cut_at(characters: int, share: float) -> int:
    """Return the number of characters before the place where a part of a text ends or begins."""
    return int(characters * share)


def _part(path: Path, part: list[float]) -> Iterator[str]:
    """Yield the lines of a part of a file, of which the first and the last may be cut."""
    characters = sum(len(line) for line in read_lines(path, keeps_ends=True))
    first, last = (cut_at(characters, share) for share in part)
    begin = 0
    for line in read_lines(path, keeps_ends=True):
        if inside := line[max(first - begin, 0) : max(last - begin, 0)]:
            yield inside
        begin += len(line)


def _documents(lines: Iterable[str], separator: str) -> Iterator[Line]:
    """Yield the lines of one file. Empty documents are left out."""
    if separator == "file":
        yield from (Line(line, begins=number == 0) for number, line in enumerate(lines))
        return
    kept, begins = "", True
    for line in lines:
        is_end = separator == "line" or not line.strip()
        if kept and is_end:
            yield Line(_without_end(kept), begins)
        elif kept:
            yield Line(kept, begins)
        begins = is_end or (begins and not kept)
        kept = line if line.strip() else ""
    if kept:
        yield Line(_without_end(kept), begins)


def _without_end(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")
