"""Marks in text that is being written: the settings that a line, and those below it, come from.

A mark stands at the beginning of a line, where neither layout nor templates see it, and holds up
to the next one. They are written only where the IR knows its causes; `unmarked` takes them off.
"""

from collections.abc import Callable, Iterable

from compiler.ir.causes import Caused, Paths
from compiler.source.span import Span

_OPEN, _CLOSE = "\x02", "\x03"


def mark(paths: Iterable[str], *, ends: bool = False) -> str:
    """Return a mark of these settings; no text if there are none.

    Where the text before `ends`, whose settings are no longer meant, there is a mark all the same.
    """
    text = ",".join(paths)
    return f"{_OPEN}{text}{_CLOSE}" if text or ends else ""


def marker(origin: Span) -> Callable[..., str]:
    """Return `mark` for templates, which are given paths one by one; no marks are asked for where
    the network at this place does not know its causes.
    """
    is_asked = isinstance(origin, Caused)
    return lambda *paths: mark(paths) if is_asked else ""


def marked(lines: list[str], paths: Paths) -> list[str]:
    """Return the lines with a mark before the first."""
    return [mark(paths) + lines[0], *lines[1:]] if paths and lines else lines


def unmarked(text: str) -> tuple[str, list[Paths]]:
    """Return a text without its marks, and the settings of each of its lines."""
    lines, causes, now = list[str](), list[Paths](), Paths()
    for line in text.split("\n"):
        *marks, rest = line.rpartition(_CLOSE)
        if marks[0]:
            now = tuple(filter(None, marks[0].rpartition(_OPEN)[2].split(",")))
        lines.append(rest)
        causes.append(now)
    return "\n".join(lines), causes
