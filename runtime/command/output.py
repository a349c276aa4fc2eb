"""Files and lines that commands write."""

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeVar

from compiler.atomic_files import beside, is_special
from compiler.format import engineering
from compiler.source.diagnostic import Diagnostic, in_order, render
from runtime.errors import UserError
from runtime.system.atomic_files import FULL

if TYPE_CHECKING:
    from runtime.scoring.score import Scores

Form = TypeVar("Form", bound=str)
PAGE = {".html": "html", ".htm": "html"}
"""The ends of the names of pages, each with its form."""
ENDS = {
    *(".gif", ".htm", ".html", ".jpeg", ".jpg", ".json", ".md", ".mermaid", ".mmd", ".pdf"),
    *(".png", ".svg", ".xml"),
}
"""The ends of names by which other programs know what a file holds."""


def report(message: str) -> None:
    """A line about what is going on, beside the results: on stderr."""
    print(message, file=sys.stderr, flush=True)


def say_warnings(warnings: Iterable[Diagnostic]) -> int:
    """Writes warnings about specs to stderr, as errors are written -> the number of them."""
    once = in_order(warnings)
    for each in once:
        report(render(each))
    return len(once)


def output_form(
    out: Path | None, suffixes: Mapping[str, Form], chosen: Form | None = None, *, force: bool
) -> Form:
    """Return the form in which `out` is written: the chosen one, or else that of its name.

    `suffixes` are the ends of names, each with its form; the first form is that of standard
    output, of devices and of pipes if none is chosen. Raises a UserError, before anything is
    computed, for a name that ends as that of another form, and if `check_output` does.
    """
    first = chosen or next(iter(suffixes.values()))
    if out is None:
        return first
    check_output(out, force=force)
    end = out.suffix.lower()
    fitting = [each for each, form in suffixes.items() if chosen in (None, form)]
    if end in fitting:
        return suffixes[end]
    if is_special(out) or (chosen and end not in ENDS):
        return first
    *others, last = fitting
    asked = f", which --format {chosen} asks for" if chosen else ""
    raise UserError(
        f"{out} does not end in {', '.join(others)}{' or ' if others else ''}{last}{asked}",
        help=f"call it {out.with_suffix(fitting[0]).name}",
    )


def write_file(path: Path, content: str | bytes, *, force: bool) -> None:
    """Write a file, whole or not at all, and say on stderr that it is there, and its size.

    Nothing is said of a device. Raises a UserError if `new_file` does.
    """
    data = content.encode() if isinstance(content, str) else content
    with new_file(path, force=force) as file:
        file.write(data)
    if path.is_file():
        size = len(data)
        report(f"wrote {path}, {f'{engineering(size)}B' if size >= 1000 else f'{size} bytes'}")


@contextmanager
def new_text_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """A text file to write into, in UTF-8; everything else is as `new_file` has it."""
    with new_file(path, force=force) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield text
        text.detach()  # writes what is left, and keeps the file open


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A file to write into; it gets its name when all is written, and is removed on failure.

    A device or a pipe is written into; a link stays and its target is replaced.
    Raises a UserError if `check_output` does, the disk is full, or no file can be made there.
    """
    check_output(path, force=force)
    with _explained(path, temporary := beside(target := Path(os.path.realpath(path)))):
        if is_special(path):
            with path.open("wb") as file:
                yield file
            return
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def check_output(path: Path, *, force: bool) -> None:
    """Refuse a path where no file can be made, or where one would be replaced without `force`.

    Raises a UserError.
    """
    with _explained(path):
        if not path.parent.is_dir():
            raise UserError(f"there is no folder {path.parent}", help="make it first")
        if path.is_dir():
            raise UserError(f"{path} is a folder", help="name a file in it")
        if path.exists() and not force:
            raise UserError(f"{path} exists already", help="choose another name, or add --force")


@contextmanager
def _explained(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Raise a UserError that names the user's file where it, or its beginning, is not written."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            reason, help = "the disk is full", "free some space first"
        elif error.filename not in (str(path), str(temporary)):
            raise
        elif error.errno == errno.ENAMETOOLONG:
            reason, help = "its name is too long", "choose a shorter one"
        elif error.errno == errno.ENOENT:
            reason, help = f"no file can be made in {path.parent}", "name one in another folder"
        else:
            reason, help = f"{error.strerror}", "name a file in a folder that you may write into"
        raise UserError(f"{path} cannot be written: {reason}", help=help) from error


def print_scores(scores: "Scores") -> None:
    """Prints both scores, each with its signature; the one that the spec names comes first."""
    lines = {
        "bleu": f"  BLEU {scores.bleu:6.2f}  {scores.bleu_signature}",
        "chrf": f"  chrF {scores.chrf:6.2f}  {scores.chrf_signature}",
    }
    print(lines.pop(scores.headline))
    print(*lines.values(), sep="\n")
