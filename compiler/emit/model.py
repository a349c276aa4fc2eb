"""`model.py`: the network."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from compiler.analysis.infer_shapes import Known
from compiler.emit.calls import causes_of_names, expressions
from compiler.emit.classes import class_lines, classes, needs
from compiler.emit.helpers import SYMBOLS, Helpers, helpers_of
from compiler.emit.imports import NETWORK, import_lines
from compiler.emit.layout import docstring
from compiler.emit.marks import mark
from compiler.emit.naming import Numbers, collect, of_formula
from compiler.emit.predicates import predicates
from compiler.emit.template import fill
from compiler.ir.block import Block, Repeat, children, walk
from compiler.ir.causes import Caused, Paths, causes_of, united
from compiler.ir.numbers import own_numbers
from compiler.ops.expression import Expression, Hyperparameter, parts
from compiler.ops.op import Op
from compiler.ops.shape import Free
from compiler.vocabulary.symbols import PADDING

TASK = ("task",)
"""The setting that says which functions a model has, and what they are given."""


def helpers_of_model(model: Block) -> Helpers:
    """Return the helpers that `model.py` defines."""
    return helpers_of(expressions(model), needs(classes(model)))


def model_text(model: Block, helpers: Helpers, name: str, summary: str) -> str:
    """Return the file, top-down: constants, helpers, attention, feed-forward, layers, stacks."""
    numbers, known = collect(model), Known()
    written = [part for each in expressions(model) for part in parts(each)]
    blocks = [block for _, block in walk(model)]
    causes = causes_of_names(blocks, [each for block in blocks for each in block.functions])
    causes |= _causes_of_states(blocks)
    head = f"{name}: {summary.rstrip('.')}." if summary else f"{name}: a Transformer."
    about = "Written by specformer from a spec. It needs the standard library and torch."
    return fill(
        "model.py.jinja",
        docstring="\n".join(docstring([_plain(head), about], 0)),
        imports=import_lines(NETWORK | helpers.imports),
        constants=_constants(numbers, model, written, helpers),
        definitions=[
            *predicates(_ops(model), causes),
            *helpers.marked(causes).values(),
            *("\n".join(class_lines(each, numbers, known)) for each in classes(model)),
        ],
    )


def _plain(text: str) -> str:
    """Text that cannot leave a docstring, nor end it early."""
    return text.replace("\\", "/").replace('"' * 3, "'").rstrip('"')


def _constants(
    numbers: Numbers, model: Block, written: Iterable[Expression], helpers: Helpers
) -> str:
    """Return the definitions of constants, in the order in which the model first uses them.

    The numbers of symbols come last.
    """
    used = [each for each in written if isinstance(each, Hyperparameter)]
    used += [each for block in walk(model) for each in _shapes(block[1])]
    used = [each for number in used for each in (*of_formula(number), number)]
    known = dict.fromkeys(each for each in used if each in numbers.constants)
    causes = causes_of_numbers(model)
    lines = (mark(causes.get(each, ())) + numbers.definition(each) for each in known)
    padding = mark(("model.vocabulary",) if causes else ()) + f"PADDING = {PADDING}"
    own = mark(("model.documents",) if causes else ())
    symbols = (f"{own}{name} = {SYMBOLS[name]}" for name in helpers.symbols)
    return "\n".join([*lines, padding, *symbols])


def causes_of_numbers(model: Block) -> dict[Hyperparameter, Paths]:
    """Return the settings that each number of a model comes from, if the model knows them."""
    found = defaultdict[Hyperparameter, list[Paths]](list)
    for _, block in walk(model):
        known = block.origin.numbers if isinstance(block.origin, Caused) else {}
        for number in own_numbers(block) if known else ():
            found[number].append(known.get(number.name, ()))
            for each in of_formula(number):  # it may be there for the formula alone
                found[each] += [known.get(each.name, ()), *found[number][-1:]]
    return {number: united(several) for number, several in found.items()}


def causes_of_layers(model: Block) -> Paths:
    """Return the settings of all groups of layers."""
    stacks = (below for _, below, _ in children(model))
    layers = (part.block for each in stacks for _, part in each.parts if isinstance(part, Repeat))
    return united(causes_of(each.origin) for each in layers)


def _causes_of_states(blocks: Iterable[Block]) -> dict[str, Paths]:
    """Return the settings that the helpers of states come from: the blocks that have one."""
    stateful = [block for block in blocks if block.has("step")]
    causes = united(causes_of(each.origin) for each in stateful if each.state is not None)
    lists = [each for each in stateful if any(isinstance(part, Repeat) for _, part in each.parts)]
    found = {"State": causes, "Layers": united(causes_of(each.origin) for each in lists)}
    return {name: paths for name, paths in found.items() if paths}


def _shapes(block: Block) -> Iterator[Hyperparameter]:
    """The numbers in the shapes that docstrings give."""
    for function in block.functions:
        for each in function.inputs:
            for dimension in each.shape:
                if not isinstance(dimension, Free):
                    yield from (
                        part for part in parts(dimension) if isinstance(part, Hyperparameter)
                    )


def _ops(model: Block) -> Iterator[Op]:
    for _, block in walk(model):
        for _, part in block.parts:
            if not isinstance(part, Repeat | Block):
                yield part
        for function in block.functions:
            for statement in function.body:
                if isinstance(statement.op, Op):
                    yield statement.op
