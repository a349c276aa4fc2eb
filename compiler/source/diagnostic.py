"""What is wrong with a spec, where, and the way out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from compiler.source.span import Source, Span


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
        super().__init__("\n".join(render(diagnostic) for diagnostic in self.diagnostics))


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, each said once: a setting that several parts inherit is wrong only once."""
    by_place = sorted(
        set(diagnostics), key=lambda d: (d.span.source.name, d.span.line, d.span.column, d.code)
    )
    return tuple(by_place)


def render(diagnostic: Diagnostic) -> str:
    """The diagnostic as a person reads it, with the lines of the spec that it speaks of."""
    head = f"{diagnostic.span}: {diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    marks = [(note.span, "-", f" {note.text}") for note in diagnostic.notes]
    marks.append((diagnostic.span, "^", ""))
    gutter = max(len(str(span.line)) for span, _, _ in marks)
    here = diagnostic.span.source
    marks.sort(key=lambda mark: (mark[0].source is not here, mark[0].line))
    snippets = [_snippet(*mark, gutter, here) for mark in marks]
    help_line = [f"help: {diagnostic.help}"] if diagnostic.help else []
    return "\n".join([head, *snippets, *help_line])


def _snippet(span: Span, mark: str, text: str, gutter: int, here: Source) -> str:
    """The line of a place with a mark below it; its file is named if it is another than `here`."""
    line = span.source.line(span.line)
    indent = "".join("\t" if character == "\t" else " " for character in line[: span.column - 1])
    width = max(1, min(span.width, len(line) - span.column + 1))
    blank = " " * gutter
    file = "" if span.source is here else f"  --> {span}\n"
    return f"{file}  {span.line:>{gutter}} | {line}\n  {blank} | {indent}{mark * width}{text}"
