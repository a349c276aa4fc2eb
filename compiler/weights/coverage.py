"""Coverage: every parameter gets something once, and every tensor of the files is spoken of."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from compiler.source.diagnostic import Diagnostic, Note, did_you_mean, mistake, quoted
from compiler.weights.assignment import Assignment, parts, tensors
from compiler.weights.map import Ignored, ImportMap
from compiler.weights.names import general, starred
from compiler.weights.parameters import NamedParameter
from compiler.weights.regions import Box, Extent, extent, reads, unread, whole
from compiler.weights.shape import Shape, Stored, words

MOST_SHOWN = 20

Assignments = Mapping[str, Assignment]


def given_twice(new: Iterable[Assignment], old: Assignments) -> list[Diagnostic]:
    """The first of a line's parameters that an earlier line gives too, whole or in slices."""
    by_holder: dict[str, list[Assignment]] = {}
    for assignment in old.values():
        by_holder.setdefault(assignment.holder, []).append(assignment)
    for assignment in new:
        for before in by_holder.get(assignment.holder, ()):
            if assignment.is_whole or before.is_whole or assignment.target == before.target:
                return [_twice(assignment, before)]
    return []


def missing(
    of: ImportMap, parameters: Iterable[NamedParameter], assignments: Assignments
) -> list[Diagnostic]:
    """The parameters and slices that no line gives."""
    without = [
        name
        for parameter in parameters
        if parameter.name not in assignments
        for name, _ in parts(parameter)
        if name not in assignments
    ]
    if not without:
        return []
    lines = _listed(f"{name}:" for name in _together(without, general))
    message = f"the map gives nothing for {_count(without, 'parameter')} of the model"
    help = f"add lines for them, with a number where the files have no such tensor:{lines}"
    return [mistake(of.tensors_span, "missing-parameter", message, help)]


def unused_ignores(
    of: ImportMap, assignments: Assignments, files: Mapping[str, Stored]
) -> Iterator[Diagnostic]:
    """The lines of `ignore` that match no tensor, or part of one, that is left over."""
    boxes = _boxes(assignments, files)
    gaps = [name for name, read in boxes.items() if unread(files[name].shape, read)]
    unused = [*_unused(assignments, files), *gaps]
    for each in of.ignored:
        if each.parts:
            yield from _unused_part(each, boxes, files)
        elif not any(each.matches(name) for name in unused):
            message = f"no tensor that is left over is called {quoted(each.pattern)}"
            help = did_you_mean(each.pattern, unused) or "remove the line"
            yield mistake(each.span, "unused-ignore", message, help)


def left_over(of: ImportMap, assignments: Assignments, files: Iterable[str]) -> list[Diagnostic]:
    """The tensors that no line speaks of."""
    unused = _unused(assignments, files)
    ignored = [each for each in of.ignored if not each.parts]
    left = [name for name in unused if not any(each.matches(name) for each in ignored)]
    if not left:
        return []
    lines = _listed(f"- {name}" for name in _together(left, starred))
    message = f"the map leaves {_count(left, 'tensor')} of the files unused"
    help = f"give them to parameters, or say that they are not needed, in `ignore:`{lines}"
    return [mistake(of.ignore_span, "left-over", message, help)]


def lost(
    of: ImportMap, assignments: Assignments, files: Mapping[str, Stored]
) -> Iterator[Diagnostic]:
    """The tensors that are read in part, while no line reads or ignores the rest."""
    for name, boxes in _boxes(assignments, files).items():
        shape = files[name].shape
        known = [_box(each, shape) for each in of.ignored if each.matches(name)]
        gap = unread(shape, [*boxes, *known])
        if gap is not None:
            part = f"{name}[{', '.join(f'{start}:{stop}' for start, stop in _told(gap, shape))}]"
            users = (each for each in assignments.values() if name in tensors(each.expression))
            yield mistake(
                next(users).expression.span,
                "left-over",
                f"no line takes {quoted(part)} of the files: {quoted(name)} has {words(shape)}",
                f"give it to a parameter, or say that it is not needed, in `ignore:`\n  - {part}",
            )


def _unused_part(
    ignored: Ignored, boxes: Mapping[str, list[Box]], files: Mapping[str, Stored]
) -> Iterator[Diagnostic]:
    """An ignored part that lies outside of its tensor, or that is read."""
    names = [name for name in boxes if ignored.matches(name)]
    for name in names:
        box, shape = _box(ignored, files[name].shape), files[name].shape
        places = zip(box, shape, strict=True)
        is_inside = all(start < stop <= size for (start, stop), size in places)
        if not is_inside or len(ignored.parts) > len(shape):
            message = f"{quoted(name)} has {words(shape)}: this part lies outside of it"
            yield mistake(ignored.span, "unused-ignore", message, "correct or remove the line")
        elif unread(shape, [*boxes[name], *_around(box, shape)]) is None:
            message = f"all of this part of {quoted(name)} is given to parameters"
            yield mistake(ignored.span, "unused-ignore", message, "remove the line")
    if not names:
        message = f"no line of `tensors` takes a part of a tensor called {quoted(ignored.pattern)}"
        help = did_you_mean(ignored.pattern, boxes) or "name the whole tensor, or remove the line"
        yield mistake(ignored.span, "unused-ignore", message, help)


def _boxes(assignments: Assignments, files: Mapping[str, Stored]) -> dict[str, list[Box]]:
    """The boxes that are read of each tensor."""
    found: dict[str, list[Box]] = {}
    for assignment in assignments.values():
        for name, box in reads(assignment.expression, files):
            found.setdefault(name, []).append(box)
    return found


def _box(ignored: Ignored, shape: Shape) -> Box:
    """The part of a tensor that a line of `ignore` means."""
    parts = ignored.parts[: len(shape)]
    found = [extent(part, size) for part, size in zip(parts, shape, strict=False)]
    return (*found, *whole(shape)[len(parts) :])


def _around(box: Box, shape: Shape) -> Iterator[Box]:
    """Boxes that make up all of a tensor but one box."""
    for dimension, ((start, stop), size) in enumerate(zip(box, shape, strict=True)):
        for side in ((0, start), (stop, size)):
            yield (*whole(shape)[:dimension], side, *whole(shape)[dimension + 1 :])


def _told(gap: Box, shape: Shape) -> list[Extent]:
    """The ranges of a box without the last dimensions that it holds whole."""
    sizes = whole(shape)
    last = max(number for number, each in enumerate(gap) if each != sizes[number])
    return list(gap[: last + 1])


def _unused(assignments: Assignments, files: Iterable[str]) -> list[str]:
    used = {name for assignment in assignments.values() for name in tensors(assignment.expression)}
    return [name for name in files if name not in used]


def _twice(assignment: Assignment, before: Assignment) -> Diagnostic:
    return Diagnostic(
        code="given-twice",
        message=f"{quoted(assignment.target)} is given already",
        span=assignment.span,
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
