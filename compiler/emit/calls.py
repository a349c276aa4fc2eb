"""The calls of the functions of a generated file: what each call gives, read off the IR."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, Function, Repeat, Statement, shown, walk
from compiler.ir.causes import Caused, Paths, united
from compiler.ops.expression import Attribute, Call, Expression, Helper, Name, parts
from compiler.ops.op import Op

SELF = Name("self")
DECODING = ("start", "step", "prefill")
"""Functions of a model that are not part of its forward pass."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function: how many calls there are, and the values that some give.

    It is true where some call gives it.
    """

    name: str
    calls: int
    values: tuple[Expression, ...]

    def __bool__(self) -> bool:
        return bool(self.values)

    @property
    def always(self) -> bool:
        """Every call gives it, so that it needs no default."""
        return 0 < len(self.values) == self.calls

    @property
    def sometimes(self) -> bool:
        """Some calls give it and others do not."""
        return 0 < len(self.values) < self.calls

    def declared(self, annotation: str, default: str) -> str:
        """Return the parameter as a signature declares it, or nothing where no call gives it."""
        if not self.sometimes:
            return f"{self.name}: {annotation}" if self else ""
        optional = " | None" if default == "None" else ""
        return f"{self.name}: {annotation}{optional} = {default}"


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of all calls of one function: `given.rate`, or the fourth, `given(3, "mask")`.

    A template asks only this of those that call its function.
    """

    _calls: tuple[Call, ...]

    def __getitem__(self, name: str) -> Parameter:
        values = [dict(each.keywords).get(name) for each in self._calls]
        return Parameter(name, len(values), tuple(each for each in values if each is not None))

    def __call__(self, place: int, name: str) -> Parameter:
        values = [each.arguments[place] for each in self._calls if len(each.arguments) > place]
        return Parameter(name, len(self._calls), tuple(values))


def calls_in(pieces: Iterable[Expression]) -> dict[str, tuple[Call, ...]]:
    """Return the calls of each function that is called by its name, in the order of first use.

    `pieces` are expressions with all that is in them.
    """
    found: dict[str, tuple[Call, ...]] = {}
    for each in pieces:
        if isinstance(each, Call) and isinstance(each.function, Name):
            name = each.function.text
            found[name] = (*found.get(name, ()), each)
    return found


def expressions(model: Block) -> Iterator[Expression]:
    """Yield all that the ops of a model are written as: first what makes their modules.

    Then follow the functions of the forward pass, and those of decoding.
    """
    blocks = [block for _, block in walk(model)]
    for block in blocks:
        for _, part in block.parts:
            if isinstance(part, Repeat):
                yield part.held
                yield part.count
            elif isinstance(part, Op):
                yield part.module()
    for is_decoding in (False, True):
        for block in blocks:
            for function in block.functions:
                if (function.name in DECODING) is is_decoding:
                    yield from written(function)


def written(function: Function) -> Iterator[Expression]:
    """Yield what the ops of a function are written as."""
    for statement in function.body:
        if isinstance(statement.op, Op):
            yield code_of(statement, statement.op)


def code_of(statement: Statement, op: Op) -> Expression:
    """Return what the op of a statement is written as."""
    held = Attribute(SELF, statement.part) if statement.part else SELF
    return op.code(held, tuple(Name(shown(each)) for each in statement.inputs))


def causes_of_names(blocks: Iterable[Block], functions: Iterable[Function]) -> dict[str, Paths]:
    """Return the settings that the names in the code of ops come from.

    Names are those of functions, classes and masks, and of attributes, with a dot before. The code
    is what makes the parts of `blocks`, and the bodies of `functions`. It is empty where the
    network does not know its causes.
    """
    found = defaultdict[str, list[Paths]](list)
    for block in blocks:
        known = block.origin.parts if isinstance(block.origin, Caused) else {}
        for name, part in block.parts:
            if isinstance(part, Op) and name in known:
                _note(found, part.module(), known[name].choices)
    for function in functions:
        for statement in function.body:
            if isinstance(statement.origin, Caused) and isinstance(statement.op, Op):
                _note(found, code_of(statement, statement.op), statement.origin.choices)
    return {name: united(several) for name, several in found.items()}


def _note(found: dict[str, list[Paths]], code: Expression, causes: Paths) -> None:
    for each in parts(code):
        if isinstance(each, Name):
            found[each.text].append(causes)
        elif isinstance(each, Helper):
            found[each.name].append(causes)
        elif isinstance(each, Attribute):
            found[f".{each.name}"].append(causes)
