"""The whole IR on one page.

A `Block` becomes a class. Its `parts` become attributes that hold parameters or other blocks, its
`functions` become methods. A function's body is a list of statements in single-assignment form: a
value is named `query`, or `x.2` for the second value that the generated code will call `x`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Op
from compiler.ops.shape import Shape
from compiler.source.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A parameter of a function: a tensor of `shape`, or another thing of type `annotation`."""

    name: str
    shape: Shape = ()
    annotation: str = "Tensor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoke:
    """A call of `function` of the block that a statement names as its part (of itself if none)."""

    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`results = op(inputs)`. `part` names the attribute that holds the op's parameters."""

    results: tuple[str, ...]
    op: Op | Invoke
    inputs: tuple[str, ...]
    part: str = ""
    origin: Span = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A method. `note` says in words what the shapes do not say."""

    name: str
    inputs: tuple[Input, ...]
    body: tuple[Statement, ...]
    outputs: tuple[str, ...]
    annotation: str = "Tensor"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateClass:
    """The state of a block from one decoding step to the next: fields with their types."""

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """`count` blocks of one structure, of which each reads the result of the one before.

    An op whose part is a repetition may apply the blocks in another way, such as a mixture of
    experts, which applies some of them side by side. Where only some blocks are `distinct`, these
    take turns. Several repetitions may share a `holder`, the attribute that holds the blocks of all
    of them; then `first` is the index of this one's first block there.
    """

    block: "Block"
    count: Hyperparameter
    distinct: Hyperparameter | None = None
    holder: str = ""
    first: int = 0

    @property
    def held(self) -> Hyperparameter:
        """The number of blocks that have parameters of their own."""
        return self.distinct or self.count

    @property
    def places(self) -> range:
        """The places of its blocks in the list that holds them."""
        return range(self.first, self.first + int(self.held.value))

    @property
    def uses(self) -> Iterator[int]:
        """The place in the list of each block that is applied, one after the other."""
        return islice(cycle(self.places), int(self.count.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of the network.

    `names` are class names to choose from, the most general first; `names[0]` is the chosen one
    after the pass `share_classes`. `summary` is the docstring, numbers in braces. `closed` blocks
    take no constructor arguments: numbers that vary below them are written where they are used.
    """

    names: tuple[str, ...]
    summary: str
    parts: tuple[tuple[str, "Op | Repeat | Block"], ...]
    functions: tuple[Function, ...]
    closed: bool = False
    state: StateClass | None = None
    origin: Span = field(compare=False)

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.names[0]

    def part(self, name: str) -> "Op | Repeat | Block":
        """The part of this name."""
        return dict(self.parts)[name]

    def function(self, name: str) -> Function:
        """The function of this name."""
        return next(function for function in self.functions if function.name == name)

    def has(self, function: str) -> bool:
        """Return whether there is a function of this name."""
        return any(each.name == function for each in self.functions)


def callee(block: Block, statement: Statement) -> Block:
    """The block whose function an `Invoke` calls."""
    part = block.part(statement.part) if statement.part else block
    if isinstance(part, Repeat):
        return part.block
    assert isinstance(part, Block)
    return part


def children(block: Block) -> Iterator[tuple[str, Block, int]]:
    """The blocks directly below: attribute, block, how many of it."""
    for name, part in block.parts:
        if isinstance(part, Repeat):
            yield name, part.block, int(part.count.value)
        elif isinstance(part, Block):
            yield name, part, 1


def walk(block: Block, path: str = "") -> Iterator[tuple[str, Block]]:
    """The block and all below it, each with its path, in the order of the parts."""
    yield path, block
    for name, below, _ in children(block):
        yield from walk(below, f"{path}.{name}" if path else name)


def shown(value: str) -> str:
    """The name that a value has in the generated code."""
    return value.split(".")[0]
