"""Chooses the names that numbers of the spec have in the generated code.

A number that is the same everywhere is a constant at the top. One that differs between the stacks
is a constant of each, as `ENCODER_D_K` and `DECODER_D_K`, and an argument of the classes that are
used with both. One that has several values in a stack is an argument of all classes below the
stacks, and a literal where a stack makes them.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.ir.block import Block, children, walk
from compiler.ir.numbers import all_numbers, own_numbers
from compiler.ops.expression import Expression, Hyperparameter, parts, render

Values = dict[str, set[Hyperparameter]]
"""The numbers of each name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """All numbers of a model: the names of constants, and the numbers in each class.

    `arguments` are the constructor arguments of each block, under its `id`.
    """

    constants: dict[Hyperparameter, str]
    classes: dict[str, Values]
    arguments: dict[int, dict[str, Hyperparameter]]

    def parameters(self, block: Block) -> dict[str, Hyperparameter]:
        """Return the constructor arguments of a block's class, with the values of this block.

        A number of which the block holds several values is no argument of it: it is written where
        the block makes the parts that differ.
        """
        return {} if block.closed else self.arguments[id(block)]

    def name(self, number: Hyperparameter, block: Block, prefix: str = "") -> str:
        """Return the name of a number in the code of `block`, an attribute after `prefix`."""
        if number.name in self.parameters(block):
            return f"{prefix}{number.name}"
        return self.constants.get(number) or repr(number.value)

    def words(self, block: Block) -> dict[str, str]:
        """Return what the docstring of a class calls each number; `its`, where it has several."""
        names = {number.name: constant for number, constant in self.constants.items()}
        parameters = self.parameters(block)
        for name, own in self.classes[block.name].items():
            constant = self.constants.get(next(iter(own)), "its") if len(own) == 1 else "its"
            names[name] = f"`{name}`" if name in parameters else constant
        return names

    def definition(self, number: Hyperparameter) -> str:
        """Return the line that defines a constant: its value, or its formula if it has one."""
        name, formula = self.constants[number], number.formula
        if formula is None:
            return f"{name} = {number.value!r}"
        value = render(formula.expression, self.constants.__getitem__)
        return f"{name} = {value}  # {formula.source}"


def collect(model: Block) -> Numbers:
    """Return the numbers that occur in a model."""
    found = all_numbers(model)
    constants = _constants(model, found)
    classes: dict[str, Values] = defaultdict(lambda: defaultdict(set))
    for _, block in walk(model):
        for name, values in found[id(block)].items():
            classes[block.name][name].update(values)

    def is_given(name: str, own: list[Hyperparameter], every: Values) -> bool:
        is_constant = len(every[name]) == 1 and every[name] <= constants.keys()
        return len(set(own)) == 1 and not is_constant

    arguments = {
        id(block): {
            name: own[0]
            for name, own in sorted(found[id(block)].items())
            if is_given(name, own, classes[block.name])
        }
        for _, block in walk(model)
    }
    return Numbers(constants=constants, classes=classes, arguments=arguments)


def _constants(
    model: Block, found: dict[int, dict[str, list[Hyperparameter]]]
) -> dict[Hyperparameter, str]:
    """Return the numbers that are constants, each with its name."""
    places: dict[str, Values] = defaultdict(lambda: defaultdict(set))
    for number in own_numbers(model):
        places[number.name][""].add(number)
    for part, block, _ in children(model):
        stack = part if part in ("encoder", "decoder") else ""
        for name, values in found[id(block)].items():
            places[name][stack].update(values)
    for every in found[id(model)].values():
        for number in {each for value in every for each in of_formula(value)}:
            places[number.name][""].add(number)
    constants: dict[Hyperparameter, str] = {}
    for name, by_stack in places.items():
        named = _named(name, by_stack)
        if not any(each != name and each in places for each in named.values()):
            constants |= {number: each.upper() for number, each in named.items()}
    return constants


def of_formula(number: Hyperparameter) -> Iterator[Hyperparameter]:
    """Yield the numbers that a number follows from."""
    for part in parts(number.formula.expression) if number.formula else ():
        if isinstance(part, Hyperparameter):
            yield part


def _named(name: str, by_stack: Values) -> dict[Hyperparameter, str]:
    """Return a name for each value of a number, or none if the values do not belong to stacks."""
    whole = by_stack.get("", set())
    stacks = {stack: values for stack, values in by_stack.items() if stack}
    every = whole.union(*stacks.values())
    if len(every) == 1:
        return dict.fromkeys(every, name)
    named = {number: f"{stack}_{name}" for stack, values in stacks.items() for number in values}
    if len(named) < len(stacks) or any(len(values) > 1 for values in stacks.values()):
        return {}
    if len(whole) == 1:
        named |= dict.fromkeys(whole, name)
    return named if whole <= named.keys() else {}


def constants_in(code: Iterable[Expression], numbers: Numbers) -> set[str]:
    """Return the names of the constants of `model.py` that some code uses."""
    used = {part for each in code for part in parts(each) if isinstance(part, Hyperparameter)}
    return {numbers.constants[each] for each in used & numbers.constants.keys()}


def snake(name: str) -> str:
    """Return the name of a function that goes with a class: `encoder_layer` for `EncoderLayer`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
