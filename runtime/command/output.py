"""Files and lines that commands write."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from compiler.atomic_files import beside, is_special
from compiler.source.diagnostic import Diagnostic, in_order, render
from runtime.errors import UserError
from runtime.system.atomic_files import FULL
from runtime.system.terminal import Console

if TYPE_CHECKING:
    from runtime.scoring.score import Scores


def report(message: str) -> None:
    """A line about what is going on, beside the results: on stderr."""
    print(message, file=sys.stderr, flush=True)


def say_warnings(warnings: Iterable[Diagnostic]) -> int:
    """Writes warnings about specs to stderr, as errors are written -> the number of them."""
    once = in_order(warnings)
    for each in once:
        report(render(each))
    return len(once)


def say_written(path: Path) -> None:
    """Say that a file is written, and how large it is; nothing of a device, which has no size."""
    if path.is_file():
        report(f"{path}: {path.stat().st_size:,} bytes")


@contextmanager
def new_text_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """A file to write into; it gets its name when all is written, and is removed on failure.

    A device or a pipe is written into; a link stays and its target is replaced.
    Raises a UserError if `check_output` does or the disk is full.
    """
    check_output(path, force=force)
    target = Path(os.path.realpath(path))
    temporary = beside(target)
    try:
        if is_special(path):
            with path.open("w", encoding="utf-8", newline="\n") as file:
                yield file
            return
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        if error.errno in FULL:
            raise UserError(
                f"the disk is full: {path} could not be written", help="free some space first"
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_output(path: Path, *, force: bool) -> None:
    """Raises a UserError if no file can be made there, or one would be replaced without `force`."""
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent}", help="make it first")
    if path.is_dir():
        raise UserError(f"{path} is a folder", help="name a file in it")
    if path.exists() and not force:
        raise UserError(f"{path} exists already", help="choose another name, or add --force")


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function that counts things that are done, shown by a bar if stderr is a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def print_scores(scores: "Scores") -> None:
    """Prints both scores, each with its signature; the one that the spec names comes first."""
    lines = {
        "bleu": f"  BLEU {scores.bleu:6.2f}  {scores.bleu_signature}",
        "chrf": f"  chrF {scores.chrf:6.2f}  {scores.chrf_signature}",
    }
    print(lines.pop(scores.headline))
    print(*lines.values(), sep="\n")
