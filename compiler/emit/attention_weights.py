"""`attention_weights.py`: what each attention gives to each key."""

from collections.abc import Iterator

from compiler.analysis.infer_shapes import shapes_of
from compiler.emit.body import body_lines
from compiler.emit.calls import causes_of_names, written
from compiler.emit.classes import causes_of_head
from compiler.emit.helpers import Helpers, helpers_of
from compiler.emit.imports import NETWORK, as_imported, import_lines
from compiler.emit.layout import docstring, signature
from compiler.emit.marks import mark, marked
from compiler.emit.model import TASK, causes_of_layers
from compiler.emit.naming import Numbers, collect, constants_in, snake
from compiler.emit.predicates import predicates
from compiler.emit.template import fill
from compiler.ir.block import Block, Function, Repeat, walk
from compiler.ops.expression import Hyperparameter, Name
from compiler.ops.op import Op
from compiler.ops.shape import words
from compiler.transforms.derive_weights import derive_weights

MODULE = Name("module")
RUNNING = frozenset({"collections.abc.Callable", "typing.Any"})
"""The names of the standard library by which the programs are run."""


def weights_text(model: Block, name: str, network: Helpers) -> str:
    """Return the file: a program for each class of attention, and one that runs them all.

    `network` are the helpers that `model.py` defines.
    """
    numbers, programs = collect(model), derive_weights(model)
    functions = [each for _, each in programs.values()]
    code = [each for function in functions for each in written(function)]
    helpers = helpers_of(code, elsewhere=network.texts)
    causes = causes_of_names((), functions)
    ops = [each.op for function in functions for each in function.body if isinstance(each.op, Op)]
    streams = [each.name for each in model.function("features").inputs]
    declared = ["model: Transformer", *(f"{each}: Tensor" for each in streams)]
    return fill(
        "attention_weights.py.jinja",
        streams=streams,
        takes_turns=_takes_turns(model),
        about="\n".join(docstring(_about(model), 1)),
        head="\n".join(signature("attention_weights", declared, "dict[str, Tensor]", 0)),
        docstring="\n".join(
            docstring([f"{name}: what each attention reads. Written by specformer."], 0)
        ),
        imports=import_lines(NETWORK | helpers.imports | RUNNING),
        imported=as_imported(
            [*programs, "Transformer", *helpers.elsewhere, *constants_in(code, numbers)]
        ),
        definitions=[
            *helpers.marked(causes).values(),
            *predicates(ops, causes),
            *("\n".join(_function(*each, numbers)) for each in programs.values()),
        ],
        programs=[(each, snake(each)) for each in programs],
        mark=mark((*TASK, *causes_of_layers(model)) if causes else ()),
    )


def _about(model: Block) -> list[str]:
    """Return the paragraphs of the docstring of the function that runs all programs."""
    inputs = model.function("features").inputs
    given = ", ".join(f"{each.name} {words(each.shape)}" for each in inputs)
    again = " Where a module is applied again, a number follows its name."
    return [
        "Return the weights of each attention, without dropout, by the name of its module.",
        f"{given} -> weights [batch, heads, queries, keys]",
        "They are recomputed plainly from what each module is given as the model runs."
        f"{again * _takes_turns(model)}",
    ]


def _takes_turns(model: Block) -> bool:
    """Tell whether a module is applied more than once."""
    parts = (part for _, block in walk(model) for _, part in block.parts)
    return any(isinstance(each, Repeat) and each.distinct for each in parts)


def _function(block: Block, function: Function, numbers: Numbers) -> Iterator[str]:
    def name_of(number: Hyperparameter) -> str:
        return numbers.name(number, block, "module.")

    def shown(number: Hyperparameter) -> str:
        return name_of(number).removeprefix("module.")

    declared = [
        f"module: {block.name}",
        *(f"{each.name}: {each.annotation}" for each in function.inputs),
    ]
    head = signature(snake(block.name), declared, "tuple[Tensor, Tensor]", 0)
    yield from marked(head, causes_of_head(block, function))
    shapes = shapes_of(block, function)
    given = [f"{e.name} {words(e.shape, shown)}" for e in function.inputs if e.shape]
    weights, values = (words(shapes[each], shown) for each in function.outputs)
    yield from docstring([f"{', '.join(given)} -> weights {weights}, values {values}"], 1)
    yield from body_lines(block, function, name_of, 1, MODULE)
