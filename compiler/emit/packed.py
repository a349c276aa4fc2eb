"""`packed.py`: the forward pass of sentences that stand one after the other, without padding."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from compiler.analysis.infer_shapes import output_shapes
from compiler.emit.calls import causes_of_names, written
from compiler.emit.classes import causes_of_head, needs
from compiler.emit.helpers import Helpers, helpers_of
from compiler.emit.imports import as_imported, import_lines
from compiler.emit.layout import docstring
from compiler.emit.marks import mark, marked
from compiler.emit.model import causes_of_layers
from compiler.emit.module_program import ModuleProgram
from compiler.emit.naming import collect, constants_in, snake
from compiler.emit.template import fill
from compiler.ir.block import Block, Invoke, Repeat, Statement, callee, walk
from compiler.ir.verify import verify
from compiler.ops.expression import Call, Expression, Name, call
from compiler.ops.shape import words
from compiler.transforms.derive_packed import PACKED, derive_packed


def packed_text(model: Block, name: str, network: Helpers) -> str:
    """Return the file: `features`, and a program for each class that needs one.

    `network` are the helpers that `model.py` defines.
    """
    packed = derive_packed(model)
    verify(packed, "derive_packed")
    programs = _programs(model, packed)
    code = [each for one in programs for each in written(one.function)]
    wanted = list(_needs(packed, programs))
    helpers = helpers_of(code, wanted, elsewhere=network.texts)
    causes = causes_of_names((), (each.function for each in programs))
    batching = ("training.batching", *causes_of_layers(model)) if causes else ()
    texts = helpers.marked(causes and causes | dict.fromkeys(wanted, batching))
    others = (text for each, text in texts.items() if each != "Packed")
    names = (each.block.name for each in programs)
    constants = _constants(model, programs, code)
    return fill(
        "packed.py.jinja",
        docstring="\n".join(docstring(_about(name), 0)),
        imports=import_lines(helpers.imports),
        imported=as_imported([*names, *helpers.elsewhere, *constants]),
        packed=texts["Packed"],
        definitions=[*("\n".join(each.lines()) for each in programs), *others],
        in_table=_in_table(packed),
        mark=mark(batching),
    )


def _needs(packed: Block, programs: list["_Program"]) -> Iterator[str]:
    """Yield the helpers and imports of the file besides those of its expressions."""
    yield from ("Packed", "torch.Tensor", *_runners(packed))
    yield from needs(each.block for each in programs)
    if _in_table(packed):
        yield from ("torch.nn", "collections.abc.Callable")


def _constants(
    model: Block, programs: list["_Program"], code: Iterable[Expression]
) -> Iterable[str]:
    """Return the constants of `model.py` that the programs use, counts of layers among them."""
    counts = [each.count for one in programs for each in _in_turns(one.block)]
    return constants_in((*code, *counts), collect(model))


def _about(name: str) -> list[str]:
    """Return the paragraphs of the docstring of the file."""
    return [
        f"{name}: its features of packed sentences. Written by specformer.",
        "Packed sentences stand one after the other, without padding. Each program is the forward "
        "pass of a class of `model.py`. Positions begin anew in each sentence, and no place reads "
        "one of another sentence. In shapes, the name of a stream is the number of its places.",
    ]


def _programs(model: Block, packed: Block) -> list["_Program"]:
    """Return the functions of the model, and one for each class that needs one, from the top."""
    numbers, found = collect(model), dict[str, _Program]()
    for (_, whole), (_, block) in zip(walk(model), walk(packed), strict=True):
        is_model = block is packed
        for function in reversed(block.functions):
            if is_model or function.name == PACKED:
                name = function.name if is_model else snake(block.name)
                holder = "model" if is_model else "module"
                program = _Program(
                    name=name,
                    holder=holder,
                    block=block,
                    whole=whole,
                    function=function,
                    numbers=numbers,
                )
                found.setdefault(name, program)
    return list(found.values())


def _runners(packed: Block) -> Iterator[str]:
    """Yield the helpers by which the programs of stacks run those of their layers."""
    parts = [part for _, block in walk(packed) for _, part in block.parts]
    if any(isinstance(each, Repeat) and each.block.has(PACKED) for each in parts):
        yield "run"
    if _in_table(packed):
        yield "program_of"


def _in_turns(block: Block) -> list[Repeat]:
    """Return the repetitions of a block whose layers take turns in a list of their own."""
    repeats = (part for _, part in block.parts if isinstance(part, Repeat))
    return [each for each in repeats if each.distinct and not each.holder]


def _in_table(packed: Block) -> list[tuple[str, str]]:
    """Return the classes of layers that share a list with others, each with its program."""
    blocks = (block for _, block in walk(packed))
    shared = (part for block in blocks for part in _kinds(block))
    return [(each, snake(each)) for each in dict.fromkeys(part.block.name for part in shared)]


def _kinds(block: Block) -> list[Repeat]:
    """Return the repetitions of a block that share a list, if they are of several classes."""
    shared = [part for _, part in block.parts if isinstance(part, Repeat) and part.holder]
    is_packed = any(each.block.has(PACKED) for each in shared)
    several = len({each.block.name for each in shared}) > 1
    return shared if is_packed and several else []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program(ModuleProgram):
    """A function of `packed.py`."""

    name: str

    def lines(self) -> Iterator[str]:
        """Yield the lines of the function."""
        yield from marked(self.head(self.name), causes_of_head(self.whole, self.function))
        yield from self.body()

    def about(self) -> list[str]:
        """Return the paragraphs of the docstring: the shapes of inputs and result."""
        (result,) = output_shapes(self.block, self.function)
        given = self.shapes([one for one in self.function.inputs if one.annotation == "Tensor"])
        if not given:
            note = f"Compute what `model.{self.name}` computes of padded sentences."
            return [note, f"-> {words(result, self.shown)}"]
        return [f"{given} -> {words(result, self.shown)}"]

    def called(
        self, statement: Statement, held: Expression, inputs: tuple[Expression, ...]
    ) -> Call | None:
        """Return the call of the program of a block, if it has one."""
        assert isinstance(statement.op, Invoke)
        if not statement.part:
            return call(statement.op.function, held, *inputs)
        below = callee(self.block, statement)
        if not below.has(PACKED):
            return None
        part, program = self.block.part(statement.part), Name(snake(below.name))
        if not isinstance(part, Repeat):
            return Call(program, (held, *inputs))
        of_layer = call("program_of", held) if part in _kinds(self.block) else program
        return call("run", of_layer, held, *inputs)
