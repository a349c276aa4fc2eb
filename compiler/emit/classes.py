"""Blocks to classes."""

from collections.abc import Iterable, Iterator

from compiler.analysis.infer_shapes import Known, output_shapes
from compiler.emit.body import body_lines
from compiler.emit.calls import written
from compiler.emit.layout import NameOf, docstring, lay, signature
from compiler.emit.marks import marked
from compiler.emit.naming import Numbers
from compiler.ir.block import Block, Function, Repeat, children, walk
from compiler.ir.causes import Caused, Paths, causes_of, causes_of_part, united
from compiler.ops.expression import (
    Call,
    Comprehension,
    Const,
    Expression,
    Hyperparameter,
    List,
    Name,
    Starred,
    call,
    parts,
)
from compiler.ops.op import Op
from compiler.ops.shape import Shape, words


def classes(model: Block) -> list[Block]:
    """Return one block for each class, each after those that it is made of, in the order of parts.

    So the encoder comes whole before the decoder, and a variant moves no class that it leaves as
    it is.
    """
    found: dict[str, Block] = {}
    for block in _from_below(model):
        found.setdefault(block.name, block)
    return list(found.values())


def _from_below(block: Block) -> Iterator[Block]:
    for _, below, _ in children(block):
        yield from _from_below(below)
    yield block


def class_lines(block: Block, numbers: Numbers, known: Known) -> list[str]:
    """Return the class of a block, after the class of its state if it has one.

    `known` are the shapes that classes written before have found; this one adds its own.
    """
    causes = causes_of(block.origin)
    lines = [*state_lines(block), *marked([f"class {block.name}(nn.Module):"], causes)]
    lines += [*docstring([_with_numbers(block, numbers)], 1), "", *_init(block, numbers)]
    for function in block.functions:
        lines += ["", *_function(block, function, numbers, known)]
    return marked(lines, causes)


def _with_numbers(block: Block, numbers: Numbers) -> str:
    """The summary, `{heads}` replaced by what the class calls it."""
    return block.summary.format_map(numbers.words(block))


def _init(block: Block, numbers: Numbers) -> list[str]:
    parameters = numbers.parameters(block)
    declared = ["self", *(f"{name}: {type(n.value).__name__}" for name, n in parameters.items())]
    head = [*signature("__init__", declared, "None", 1), "        super().__init__()"]
    lines = marked(head, united([causes_of(block.origin), _causes_of_arguments(block, numbers)]))
    later = _numbers_of_functions(block)
    lines += [f"        self.{name} = {name}" for name in parameters if name in later]
    for name, part in block.parts:
        causes = causes_of_part(block.origin, name)
        if not isinstance(part, Op):
            below = part.block if isinstance(part, Repeat) else part
            causes = united([causes, _causes_of_arguments(below, numbers)])
        if not (isinstance(part, Repeat) and part.holder):
            lines += marked(_attribute(block, name, part, numbers), causes)
        elif part.first == 0:
            lines += marked(_kinds(block, part.holder, numbers), causes)
    return lines


def _causes_of_arguments(block: Block, numbers: Numbers) -> Paths:
    """Return the settings that the constructor arguments of a block's class come from."""
    if not isinstance(block.origin, Caused):
        return ()
    known = dict(_numbers_below(block))
    return united(known.get(each, ()) for each in numbers.parameters(block))


def _numbers_below(block: Block) -> Iterator[tuple[str, Paths]]:
    """Yield the numbers of a block and of those below it, with the settings they come from."""
    for _, each in walk(block):
        if isinstance(each.origin, Caused):
            yield from each.origin.numbers.items()


def _numbers_of_functions(block: Block) -> set[str]:
    """The names of the numbers that the methods use, those of layers that take turns among them."""
    used = [part for _, part in block.parts if isinstance(part, Repeat) and part.distinct]
    code = [each for function in block.functions for each in written(function)]
    inner = (part for each in (*code, *(each.count for each in used)) for part in parts(each))
    return {each.name for each in inner if isinstance(each, Hyperparameter)}


def needs(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the names of helpers and imports that the classes need besides those of their ops."""
    for block in blocks:
        if block.state is not None:
            yield from ("dataclasses.dataclass", "State")
        for _, part in block.parts:
            if isinstance(part, Repeat):
                yield from ("itertools.cycle", "itertools.islice") if part.distinct else ()
                yield from ("typing.Any",) if part.holder and part.block.has("step") else ()
                yield from ("Layers",) if part.block.has("step") else ()


def _attribute(block: Block, name: str, part: Op | Repeat | Block, numbers: Numbers) -> list[str]:
    def name_of(number: Hyperparameter) -> str:
        return numbers.name(number, block)

    if isinstance(part, Repeat):
        return _layers(block, name, part, numbers)
    value = _construct(part, numbers) if isinstance(part, Block) else part.module()
    return lay(f"self.{name} = ", value, name_of, 2)


def _construct(block: Block, numbers: Numbers) -> Expression:
    return Call(Name(block.name), (), tuple(numbers.parameters(block).items()))


def _layers(block: Block, name: str, part: Repeat, numbers: Numbers) -> list[str]:
    """The list that holds the blocks of a repetition; `Layers` if they have more than `forward`."""

    def name_of(number: Hyperparameter) -> str:
        return numbers.name(number, block)

    made = _construct(part.block, numbers)
    every = Comprehension(made, "_", call("range", part.held), brackets=False)
    return lay(f"self.{name} = ", call(_list_of(part.block), every), name_of, 2)


def _list_of(block: Block) -> str:
    """The class of a list of such blocks; `Layers` if functions other than `forward` are called."""
    return "Layers" if block.has("step") else "nn.ModuleList"


def _kinds(block: Block, holder: str, numbers: Numbers) -> list[str]:
    """The list that holds the blocks of several repetitions."""

    def name_of(number: Hyperparameter) -> str:
        return numbers.name(number, block)

    parts = [each for _, each in block.parts if isinstance(each, Repeat) and each.holder == holder]
    elements = tuple(_element(each, _construct(each.block, numbers)) for each in parts)
    return lay(f"self.{holder} = ", call(_list_of(parts[0].block), List(elements)), name_of, 2)


def _element(part: Repeat, made: Expression) -> Expression:
    """A block by itself, or `*(Block() for _ in range(5))`."""
    count = len(part.places)
    if count == 1:
        return made
    return Starred(Comprehension(made, "_", call("range", Const(count)), brackets=False))


def state_lines(block: Block) -> list[str]:
    """The dataclass that a block carries from step to step."""
    if block.state is None:
        return []
    state = block.state
    lines = ["@dataclass", f"class {state.name}(State):"]
    for name, annotation in state.fields:
        causes = united([causes_of_part(block.origin, name), causes_of(block.origin)])
        lines += marked([f"    {name}: {annotation}"], causes)
    return [*lines, "", ""]


def _function(block: Block, function: Function, numbers: Numbers, known: Known) -> list[str]:
    def name_of(number: Hyperparameter) -> str:
        return numbers.name(number, block, "self.")

    declared = ["self", *(f"{each.name}: {each.annotation}" for each in function.inputs)]
    lines = signature(function.name, declared, function.annotation, 1)
    lines += docstring(_words(block, function, name_of, known), 2)
    own = marked(lines, causes_of_head(block, function))
    return [*own, *body_lines(block, function, name_of, 2)]


def causes_of_head(block: Block, function: Function) -> Paths:
    """Return the settings that the signature of a function comes from: its block, its inputs."""
    if not isinstance(block.origin, Caused):
        return ()
    given = [block.origin.inputs.get(each.name.lstrip("_"), ()) for each in function.inputs]
    if block.origin.path == "task":  # the model, whose functions are those of its parts
        made = [each for each in function.body if causes_of(each.origin) != ("task",)]
        given += [causes_of(each.origin) for each in made[-1:]]
    return united([block.origin.causes, *given])


def _words(block: Block, function: Function, name_of: NameOf, known: Known) -> list[str]:
    """Return the docstring: a note if there is one, and the shapes that the inference found."""

    def shape_words(shape: Shape) -> str:
        return words(shape, lambda number: name_of(number).removeprefix("self."))

    given = [
        f"{each.name} {shape_words(each.shape)}"
        for each in function.inputs
        if each.shape and not each.name.startswith("_")
    ]
    notes = [function.note] if function.note else []
    if function.annotation != "Tensor":
        return notes
    (result,) = output_shapes(block, function, known)
    return [*notes, f"{', '.join(given)} -> {shape_words(result)}"]
