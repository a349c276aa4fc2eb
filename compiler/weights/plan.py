"""A map, our parameters and the files' tensors to assignments of every parameter.

All mistakes of a map are found here, from names and shapes alone, before any tensor is read.
"""

from collections.abc import Mapping, Sequence

from compiler.source.diagnostic import Diagnostic, Rejected, did_you_mean, mistake, quoted
from compiler.weights.assignment import Assigned, Assignment, parts
from compiler.weights.coverage import given_twice, left_over, lost, missing, unused_ignores
from compiler.weights.map import Entry, ImportMap
from compiler.weights.names import bindings, general
from compiler.weights.parameters import NamedParameter
from compiler.weights.shape import Shape, Stored, misfit, shape_of, words


def plan(
    of: ImportMap, parameters: Sequence[NamedParameter], files: Mapping[str, Stored]
) -> tuple[Assigned, ...]:
    """Return every parameter with its assignments; raises `Rejected` with all mistakes."""
    by_name = {each.name: each for each in parameters}
    assignments: dict[str, Assignment] = {}
    wrong: list[Diagnostic] = []
    for entry in of.entries:
        try:
            found = _assignments(entry, by_name, files)
        except Rejected as rejected:
            wrong += rejected.diagnostics
            continue
        wrong += given_twice(found, assignments)
        assignments |= {assignment.target: assignment for assignment in found}
    if not wrong:  # else what follows would only say the same once more
        wrong += missing(of, parameters, assignments)
        wrong += [*unused_ignores(of, assignments, files), *left_over(of, assignments, files)]
        wrong += lost(of, assignments, files)
    if wrong:
        raise Rejected(wrong)
    return tuple(_filled(each, assignments) for each in parameters)


def _assignments(
    entry: Entry, parameters: Mapping[str, NamedParameter], files: Mapping[str, Stored]
) -> list[Assignment]:
    """Return the assignments of one line; raises `Rejected` at its first mistake."""
    found = list(bindings(entry.pattern, parameters))
    if not found:
        raise Rejected([_unknown(entry, parameters)])
    assignments = []
    for name, binding in found:
        target, shape = _target(entry, parameters[name])
        expression = entry.expression(binding)
        got = shape_of(expression, files)
        if got not in ((), shape):
            raise misfit(entry.value.span, *_disagreement(target, shape, got))
        assignments.append(
            Assignment(target=target, shape=shape, expression=expression, span=entry.span)
        )
    return assignments


def _target(entry: Entry, parameter: NamedParameter) -> tuple[str, Shape]:
    """The parameter, or the slice of it, that a line names."""
    if entry.slice is None:
        return parameter.name, parameter.shape
    target = f"{parameter.name}[{entry.slice}]"
    shapes = dict(parts(parameter))
    if target not in shapes:
        message = f"{quoted(parameter.name)} has no slice {quoted(entry.slice)}"
        names = ", ".join(f"`{name}`" for name, _ in parameter.slices)
        help = f"its slices are {names}" if names else "it has none: give all of it"
        raise Rejected([mistake(entry.span, "unknown-parameter", message, help)])
    return target, shapes[target]


def _unknown(entry: Entry, known: Mapping[str, NamedParameter]) -> Diagnostic:
    names = dict.fromkeys([*map(general, known), *known])
    message = f"the model has no parameter {quoted(entry.pattern)}"
    help = did_you_mean(entry.pattern, names) or "`--names` prints those of the model"
    return mistake(entry.span, "unknown-parameter", message, help)


def _disagreement(target: str, wanted: Shape, got: Shape) -> tuple[str, str]:
    """Message and help for a value of another shape than its place."""
    message = f"{quoted(target)} takes {words(wanted)}, and this gives {words(got)}"
    is_turned = len(got) == 2 and got[::-1] == wanted
    return message, "`.T` makes rows of columns" if is_turned else ""


def _filled(parameter: NamedParameter, assignments: Mapping[str, Assignment]) -> Assigned:
    if whole := assignments.get(parameter.name):
        return Assigned(name=parameter.name, assignments=(whole,))
    own = tuple(assignments[name] for name, _ in parts(parameter))
    return Assigned(name=parameter.name, assignments=own)
