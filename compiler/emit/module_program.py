"""Functions of a generated file that stand for functions of the modules of `model.py`."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from compiler.emit.body import body_lines
from compiler.emit.layout import docstring, signature
from compiler.emit.naming import Numbers
from compiler.ir.block import Block, Function, Input, Statement
from compiler.ops.expression import Call, Expression, Hyperparameter, Name
from compiler.ops.shape import words


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleProgram(ABC):
    """A function of the file. It computes `function` of `block`, which it calls `holder`.

    `whole` is the block as `model.py` has it, with the numbers that its class takes.
    """

    block: Block
    whole: Block
    function: Function
    holder: str
    numbers: Numbers

    @abstractmethod
    def about(self) -> list[str]:
        """Return the paragraphs of the docstring."""

    @abstractmethod
    def called(
        self, statement: Statement, held: Expression, inputs: tuple[Expression, ...]
    ) -> Call | None:
        """Return the call that stands for that of a block; None where the block's own remains."""

    def head(self, name: str) -> list[str]:
        """Return the signature and the docstring of the function, as lines."""
        declared = [
            f"{self.holder}: {self.block.name}",
            *(f"{each.name}: {each.annotation}" for each in self.function.inputs),
        ]
        return [
            *signature(name, declared, self.function.annotation, 0),
            *docstring(self.about(), 1),
        ]

    def body(self) -> list[str]:
        """Return the lines below the docstring."""
        return body_lines(
            self.block, self.function, self.name_of, 1, Name(self.holder), program=self.called
        )

    def shapes(self, inputs: list[Input]) -> str:
        """Return inputs with their shapes, in words."""
        return ", ".join(f"{each.name} {words(each.shape, self.shown)}" for each in inputs)

    def name_of(self, number: Hyperparameter) -> str:
        """Return the name of a number in the code of the function."""
        return self.numbers.name(number, self.whole, f"{self.holder}.")

    def shown(self, number: Hyperparameter) -> str:
        """Return the name of a number in a docstring."""
        return self.name_of(number).removeprefix(f"{self.holder}.")
