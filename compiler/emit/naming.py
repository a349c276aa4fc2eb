"""Under which name a number of the spec stands in the generated code.

A number that is the same everywhere is a constant at the top. One that differs between uses is a
constructor argument of the classes below the stacks, and a literal where a stack makes them.
"""

from dataclasses import dataclass

from compiler.ir.block import Block
from compiler.ir.numbers import all_numbers
from compiler.ops.expression import Hyperparameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """All numbers of a model: `constants` have one value, `varying` have several.

    `arguments` are the constructor arguments of each block, under its `id`.
    """

    constants: dict[str, Hyperparameter]
    varying: frozenset[str]
    arguments: dict[int, dict[str, Hyperparameter]]

    def parameters(self, block: Block) -> dict[str, Hyperparameter]:
        """Return the constructor arguments of a block's class, with the values of this block.

        A number of which the block holds several values is no argument of it: it is written where
        the block makes the parts that differ.
        """
        return {} if block.closed else self.arguments[id(block)]

    def name(self, number: Hyperparameter, block: Block, prefix: str = "") -> str:
        """Return the name of a number in the code of `block`, an attribute after `prefix`."""
        if number.name not in self.varying:
            return number.name.upper()
        if number.name in self.parameters(block):
            return f"{prefix}{number.name}"
        return repr(number.value)


def collect(model: Block) -> Numbers:
    """Return the numbers that occur in a model."""
    found = all_numbers(model)
    single = {
        block: {name: values[0] for name, values in numbers.items() if len(set(values)) == 1}
        for block, numbers in found.items()
    }
    constants = single[id(model)]
    arguments = {
        block: {name: numbers[name] for name in sorted(numbers.keys() - constants.keys())}
        for block, numbers in single.items()
    }
    varying = frozenset(found[id(model)]) - constants.keys()
    return Numbers(constants=constants, varying=varying, arguments=arguments)
