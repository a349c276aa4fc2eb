"""Keeps control characters of names and texts from the terminal.

Names of files, folders, groups and labels may hold escape sequences: they clear the screen, rename
the window, or hide what was said. All that a command says passes through here."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import rich.console
from rich.text import Text

BIDIRECTIONAL = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
CONTROLS = {*range(32), *range(127, 160), *BIDIRECTIONAL} - {ord("\t"), ord("\n")}
REPLACED = dict.fromkeys(CONTROLS, "\N{REPLACEMENT CHARACTER}")


def plain(text: str) -> str:
    """The text with its control characters replaced."""
    return text.translate(REPLACED)


class Guarded:
    """A stream that writes plain text; rich writes its colours to `rich_proxied_file`."""

    def __init__(self, stream: TextIO) -> None:
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        return self.rich_proxied_file.write(plain(text))

    def writelines(self, lines: Iterator[str]) -> None:
        self.rich_proxied_file.writelines(plain(line) for line in lines)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


class Console(rich.console.Console):
    """A console of rich that replaces control characters in texts."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(plain(text), **options)


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Within this context standard output and standard error write plain text."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Guarded(each)) if each else each for each in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def data_stream() -> TextIO:
    """Standard output for results: unless it is a terminal, text is written unchanged."""
    return sys.stdout if sys.stdout.isatty() else styled_output()


def styled_output() -> TextIO:
    """Standard output for text with our own colours, whose words are plain already."""
    return getattr(sys.stdout, "rich_proxied_file", sys.stdout)


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
