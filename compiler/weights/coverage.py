"""That every parameter gets something once, and that every tensor of the files is spoken of."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from compiler.source.diagnostic import Diagnostic, Note, did_you_mean, mistake, quoted
from compiler.weights.map import ImportMap
from compiler.weights.names import general, starred
from compiler.weights.parameters import NamedParameter
from compiler.weights.piece import Piece, parts, tensors

MOST_SHOWN = 20

Pieces = Mapping[str, Piece]


def given_twice(new: Iterable[Piece], old: Pieces) -> list[Diagnostic]:
    """The first of a line's parameters that an earlier line gives too, whole or in slices."""
    by_holder: dict[str, list[Piece]] = {}
    for piece in old.values():
        by_holder.setdefault(piece.holder, []).append(piece)
    for piece in new:
        for before in by_holder.get(piece.holder, ()):
            if piece.is_whole or before.is_whole or piece.target == before.target:
                return [_twice(piece, before)]
    return []


def missing(
    of: ImportMap, parameters: Iterable[NamedParameter], pieces: Pieces
) -> list[Diagnostic]:
    """The parameters and slices that no line gives."""
    without = [
        name
        for parameter in parameters
        if parameter.name not in pieces
        for name, _ in parts(parameter)
        if name not in pieces
    ]
    if not without:
        return []
    lines = _listed(f"{name}:" for name in _together(without, general))
    message = f"the map gives nothing for {_count(without, 'parameter')} of the model"
    help = f"add lines for them, with a number where the files have no such tensor:{lines}"
    return [mistake(of.tensors_span, "missing-parameter", message, help)]


def moot_ignores(of: ImportMap, pieces: Pieces, files: Iterable[str]) -> Iterator[Diagnostic]:
    """The lines of `ignore` that speak of no tensor that is left over."""
    unused = _unused(pieces, files)
    for each in of.ignored:
        if not any(each.matches(name) for name in unused):
            message = f"no tensor that is left over is called {quoted(each.pattern)}"
            help = did_you_mean(each.pattern, unused) or "remove the line"
            yield mistake(each.span, "moot-ignore", message, help)


def left_over(of: ImportMap, pieces: Pieces, files: Iterable[str]) -> list[Diagnostic]:
    """The tensors that no line speaks of."""
    unused = _unused(pieces, files)
    left = [name for name in unused if not any(each.matches(name) for each in of.ignored)]
    if not left:
        return []
    lines = _listed(f"- {name}" for name in _together(left, starred))
    message = f"the map leaves {_count(left, 'tensor')} of the files unused"
    help = f"give them to parameters, or say that they are not needed, in `ignore:`{lines}"
    return [mistake(of.ignore_span, "left-over", message, help)]


def _unused(pieces: Pieces, files: Iterable[str]) -> list[str]:
    used = {name for piece in pieces.values() for name in tensors(piece.expression)}
    return [name for name in files if name not in used]


def _twice(piece: Piece, before: Piece) -> Diagnostic:
    return Diagnostic(
        code="given-twice",
        message=f"{quoted(piece.target)} is given already",
        span=piece.span,
        notes=(Note(span=before.span, text="here"),),
        help="keep one of the two lines",
    )


def _together(names: Iterable[str], pattern: Callable[[str], str]) -> Iterator[str]:
    """The names, those of several layers as one pattern."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(pattern(name), []).append(name)
    return (shared if len(group) > 1 else group[0] for shared, group in groups.items())


def _listed(lines: Iterable[str]) -> str:
    """Lines to copy into a map, not too many."""
    every = list(lines)
    more = len(every) - MOST_SHOWN
    shown = [*every[:MOST_SHOWN], *([f"# and {more} more"] if more > 0 else [])]
    return "".join(f"\n  {line}" for line in shown)


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names):,} {what}{'' if len(names) == 1 else 's'}"
