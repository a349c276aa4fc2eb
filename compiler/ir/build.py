"""Writing a function's body statement by statement."""

from dataclasses import dataclass, field, replace

from compiler.ir.block import Function, Input, Invoke, Statement
from compiler.ops.op import Op
from compiler.source.span import Span


@dataclass(slots=True)
class Body:
    """A function under construction. Values without a name are written where they are used."""

    origin: Span
    statements: list[Statement] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def apply(self, op: Op, *inputs: str, part: str = "", name: str = "_") -> str:
        """The single result of an op."""
        (result,) = self.unpack(op, *inputs, part=part, names=(name,))
        return result

    def unpack(self, op: Op, *inputs: str, part: str = "", names: tuple[str, ...]) -> list[str]:
        """The results of an op."""
        results = [self.fresh(name) for name in names]
        self._add(tuple(results), op, inputs, part)
        return results

    def invoke(self, part: str, *inputs: str, function: str = "forward", name: str = "_") -> str:
        """The result of a call of a block below, or of another function of this one."""
        result = self.fresh(name)
        self._add((result,), Invoke(function=function), inputs, part)
        return result

    def at(self, origin: Span) -> "Body":
        """Return the body for statements that come from another place of the spec."""
        return replace(self, origin=origin)

    def fresh(self, name: str) -> str:
        """A value of this name that no statement has made yet."""
        self.counts[name] = self.counts.get(name, 0) + 1
        return f"{name}.{self.counts[name]}"

    def is_newest(self, value: str) -> bool:
        """Return whether no later value has the name of this one in the generated code."""
        name, _, number = value.partition(".")
        return self.counts[name] == int(number)

    def function(self, name: str, inputs: tuple[Input, ...], *outputs: str) -> Function:
        """The finished function."""
        return Function(name=name, inputs=inputs, body=tuple(self.statements), outputs=outputs)

    def _add(
        self, results: tuple[str, ...], op: Op | Invoke, inputs: tuple[str, ...], part: str
    ) -> None:
        statement = Statement(results=results, op=op, inputs=inputs, part=part, origin=self.origin)
        self.statements.append(statement)
