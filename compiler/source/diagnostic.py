"""Diagnostics: a mistake in a spec, its place, and the way out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeVar

from compiler.source.span import Source, Span

Item = TypeVar("Item")
Result = TypeVar("Result")

LONGEST_LINE = 160
LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A second place that belongs to a diagnostic."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One mistake of the spec's author; `code` is stable and documented."""

    code: str
    message: str
    span: Span
    help: str = ""
    notes: tuple[Note, ...] = ()
    severity: Literal["error", "warning"] = "error"


class Rejected(Exception):
    """A spec that cannot be compiled, with all that is wrong with it."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_order(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(render(diagnostic) for diagnostic in self.diagnostics)


def mistake(span: Span, code: str, message: str, help: str = "") -> Diagnostic:
    """An error at one place."""
    return Diagnostic(code=code, message=message, span=span, help=help)


def for_each(items: Iterable[Item], work: Callable[[Item], Result]) -> list[Result]:
    """Return the results of `work` for each item; raises `Rejected` with the mistakes of all."""
    results: list[Result] = []
    wrong: list[Diagnostic] = []
    for item in items:
        try:
            results.append(work(item))
        except Rejected as rejected:
            wrong += rejected.diagnostics
    if wrong:
        raise Rejected(wrong)
    return results


def nearest(text: str, words: Iterable[str]) -> str | None:
    """The word that was meant, if any looks like the text."""
    return next(iter(get_close_matches(text, words, n=1)), None)


def did_you_mean(text: str, words: Iterable[str]) -> str:
    """A question for a help line; empty if no word looks like the text."""
    word = nearest(text, words)
    return f"did you mean `{word}`?" if word else ""


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, each said once: a setting that several parts inherit is wrong only once."""
    return tuple(sorted(set(diagnostics), key=_place))


def _place(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    """Code and message last, so that the order of two mistakes at one place is fixed too."""
    span = diagnostic.span
    return span.source.name, span.line, span.column, diagnostic.code, diagnostic.message


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as a person reads it, with the lines of the spec that it speaks of."""
    head = f"{diagnostic.span}: {diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    marks = [(note.span, "-", f" {note.text}") for note in diagnostic.notes]
    marks.append((diagnostic.span, "^", ""))
    gutter = max(len(str(span.line)) for span, _, _ in marks)
    here = diagnostic.span.source
    marks.sort(key=lambda mark: (mark[0].source is not here, mark[0].line))
    snippets = [_snippet(*mark, gutter, here) for mark in marks if mark[0].source.text]
    help_line = [f"help: {diagnostic.help}"] if diagnostic.help else []
    return "\n".join([head, *snippets, *help_line])


def quoted(text: str) -> str:
    """A word of the author's in a message: on one line and not too long."""
    shown = _printable(text[:LONGEST_QUOTE])
    return f"`{shown}...`" if len(text) > LONGEST_QUOTE else f"`{shown}`"


def _printable(text: str) -> str:
    """The text with a mark in place of what a terminal would act upon."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _cut(line: str, before: int) -> str:
    """The part of a line that is shown, with a sign where there is more of it."""
    end = before + LONGEST_LINE
    start = f"…{line[before + 1 : end]}" if before else line[:end]
    return f"{start[:-1]}…" if len(line) > end else start


def _snippet(span: Span, mark: str, text: str, gutter: int, here: Source) -> str:
    """The line of a place with a mark below it; its file is named if it is another than `here`."""
    line = _printable(span.source.line(span.line).expandtabs(1))
    before = max(0, span.column - LONGEST_LINE // 2)
    line = _cut(line, before)
    column = span.column - 1 - before
    width = max(1, min(span.width, len(line) - column))
    blank = " " * gutter
    file = "" if span.source is here else f"  --> {span}\n"
    return f"{file}  {span.line:>{gutter}} | {line}\n  {blank} | {' ' * column}{mark * width}{text}"
