"""Under which name a number of the spec stands in the generated code.

A number that is the same everywhere is a constant at the top. One that differs between uses is a
constructor argument of the classes below the stacks, and a literal where a stack makes them.
"""

from collections import defaultdict
from dataclasses import dataclass

from compiler.ir.block import Block, walk
from compiler.ir.numbers import own_numbers
from compiler.ops.expression import Hyperparameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """All numbers of a model: `constants` have one value, `varying` have several."""

    constants: dict[str, Hyperparameter]
    varying: frozenset[str]

    def parameters(self, block: Block) -> dict[str, Hyperparameter]:
        """Constructor arguments of a block's class, with the values of this block.

        A number of which the block holds several values is no argument of it: it is written where
        the block makes the parts that differ.
        """
        if block.closed:
            return {}
        found: dict[str, set[Hyperparameter]] = defaultdict(set)
        for _, below in walk(block):
            for number in own_numbers(below):
                if number.name in self.varying:
                    found[number.name].add(number)
        return {name: next(iter(each)) for name, each in sorted(found.items()) if len(each) == 1}

    def name(self, number: Hyperparameter, block: Block, prefix: str = "") -> str:
        """Return the name of a number in the code of `block`, an attribute after `prefix`."""
        if number.name not in self.varying:
            return number.name.upper()
        if number.name in self.parameters(block):
            return f"{prefix}{number.name}"
        return repr(number.value)


def collect(model: Block) -> Numbers:
    """The numbers that occur in a model."""
    values: dict[str, set[Hyperparameter]] = defaultdict(set)
    for _, block in walk(model):
        for number in own_numbers(block):
            values[number.name].add(number)
    varying = frozenset(name for name, each in values.items() if len(each) > 1)
    constants = {name: next(iter(each)) for name, each in values.items() if name not in varying}
    return Numbers(constants=constants, varying=varying)
