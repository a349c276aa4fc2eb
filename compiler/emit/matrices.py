"""The hidden matrices of a network, as `training.py` names them: patterns with rows."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.emit.layout import WIDTH
from compiler.emit.marks import mark
from compiler.ir.block import Block, Repeat
from compiler.ir.causes import Paths, causes_of_part, united

TABLE = "HIDDEN_MATRICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A hidden matrix, or several in one, of so many `rows` each.

    `name` are the steps of its name in the network, and `causes` the settings that it comes from.
    """

    name: tuple[str, ...]
    rows: tuple[int, ...]
    causes: Paths

    def pattern(self, keeps: int) -> str:
        """Return its name, in which a star stands for all numbers but the first `keeps`."""
        steps, numbers = list[str](), 0
        for step in self.name:
            numbers += step.isdigit()
            steps.append("*" if step.isdigit() and numbers > keeps else step)
        return ".".join(steps)


def hidden_matrices(model: Block) -> dict[str, tuple[tuple[int, ...], Paths]]:
    """Return the rows of hidden matrices under patterns of their names, with their settings.

    A number of a layer or of an expert is written where those of other numbers have other rows.
    """
    return _by_pattern(list(_matrices(model, (), ())), keeps=0)


def names_of_hidden_matrices(model: Block) -> dict[str, Paths]:
    """Return patterns of the names of hidden matrices, with their settings."""
    matrices = [replace(each, rows=()) for each in _matrices(model, (), ())]
    return {pattern: causes for pattern, (_, causes) in _by_pattern(matrices, keeps=0).items()}


def list_text(matrices: dict[str, Paths], setting: str) -> str:
    """Return the names as code, with a mark of the settings of each where they are known."""
    is_marked = any(matrices.values())
    rows = [
        (mark(causes, ends=True) if is_marked else "") + f'    "{pattern}",'
        for pattern, causes in matrices.items()
    ]
    first = mark([setting]) if is_marked else ""
    return "\n".join([f"{first}{TABLE} = (", *rows, ")"])


def table_text(matrices: dict[str, tuple[tuple[int, ...], Paths]], setting: str) -> str:
    """Return the table as code, with a mark of the settings of each row where they are known."""
    is_marked = any(causes for _, causes in matrices.values())
    rows = [
        (mark(causes, ends=True) if is_marked else "") + _row(pattern, rows)
        for pattern, (rows, causes) in matrices.items()
    ]
    first = mark([setting]) if is_marked else ""
    return "\n".join([f"{first}{TABLE} = {{", *rows, "}"])


def _row(pattern: str, rows: tuple[int, ...]) -> str:
    line = f'    "{pattern}": {rows},'
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"        {each},\n" for each in rows)
    return f'    "{pattern}": (\n{inner}    ),'


def _by_pattern(matrices: list[Matrix], keeps: int) -> dict[str, tuple[tuple[int, ...], Paths]]:
    groups = defaultdict[str, list[Matrix]](list)
    for each in matrices:
        groups[each.pattern(keeps)].append(each)
    found: dict[str, tuple[tuple[int, ...], Paths]] = {}
    for pattern, group in groups.items():
        if len({each.rows for each in group}) == 1:
            found[pattern] = (group[0].rows, united(each.causes for each in group))
        else:
            found |= _by_pattern(group, keeps + 1)
    return found


def _matrices(block: Block, path: tuple[str, ...], above: Paths) -> Iterator[Matrix]:
    for name, part in block.parts:
        causes = united([causes_of_part(block.origin, name), above])
        if isinstance(part, Repeat):
            for number in part.places:
                place = (*path, part.holder or name, str(number))
                yield from _matrices(part.block, place, ())
        elif isinstance(part, Block):
            yield from _matrices(part, (*path, name), ())
        else:
            for each in part.parameters():
                if each.is_hidden_matrix:
                    yield Matrix(name=(*path, name, each.name), rows=each.rows, causes=causes)
