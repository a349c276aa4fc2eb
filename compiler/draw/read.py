"""Reads a network off the IR, statement by statement, into the nodes and edges of a picture."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from compiler.analysis.cost import parameters_of
from compiler.analysis.infer_shapes import shapes_of
from compiler.draw.diagram import Edge, Group, Node
from compiler.draw.sub_layer import describe, heads_of
from compiler.draw.value import Call, Location, Value, shape_words
from compiler.format import engineering
from compiler.ir.block import Block, Function, Invoke, Repeat, Statement, callee
from compiler.ops.caption import Caption
from compiler.ops.op import Op
from compiler.ops.shape import Shape, size

TABLES = {"source": "Input", "target": "Output"}
"""The words of figure 1 of Vaswani et al. 2017 for the two streams of a translation model."""


@dataclass(slots=True)
class Reader:
    """A picture that grows with the statements that are read.

    `tables` are the parts of the model with parameters that were drawn, each with its title.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    columns: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[str, list[Group]] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    covered: set[str] = field(default_factory=set)
    noted: set[tuple[str, str]] = field(default_factory=set)
    is_open: bool = False

    def run(
        self, block: Block, function: Function, values: Sequence[Value], location: Location
    ) -> list[Value]:
        """Add what a function computes of these values; return its results."""
        given = tuple(
            replace(each, shape=value.shape)
            for each, value in zip(function.inputs, values, strict=True)
        )
        shapes = shapes_of(block, replace(function, inputs=given))
        known = dict(zip((each.name for each in given), values, strict=True))
        scope = _Scope(self, block, function, shapes, known, location)
        for statement in function.body:
            scope.read(statement)
        return [known[each] for each in function.outputs]

    def add(self, node: Node, column: str, *inputs: Value) -> Value:
        """Add a node that reads these values; return its result, which has no shape yet."""
        id, number = node.id, 1
        while id in self.nodes:
            number += 1
            id = f"{node.id}#{number}"
        covers, asides = self.taken(inputs)
        facts = (*node.facts, *(("on its input", each) for each in asides))
        self.nodes[id] = replace(node, id=id, covers=(*node.covers, *covers), facts=facts)
        self.columns.setdefault(column, []).append(id)
        for value in inputs:
            self.connect(value, id)
        return Value(sources=(id,))

    def taken(self, inputs: Sequence[Value]) -> tuple[list[str], list[str]]:
        """Return what the values tell of statements without a box, each told once."""
        fresh = [each for each in inputs if not set(each.covers) & self.covered]
        covers = [cover for each in fresh for cover in each.covers]
        self.covered.update(covers)
        return covers, list(dict.fromkeys(aside for each in fresh for aside in each.asides))

    def connect(self, value: Value, target: str, heads: int = 1) -> None:
        """Add the arrows from where a value comes to a node."""
        for source in value.sources:
            is_side = self.column_of(source) != self.column_of(target)
            self.edges.append(
                Edge(
                    source=source,
                    target=target,
                    kind="side" if is_side or self.is_aside(source) else "flow",
                    shape=shape_words(value.shape),
                    label=", ".join(self.fresh_notes(source, value)),
                    heads=heads,
                )
            )

    def fresh_notes(self, source: str, value: Value) -> list[str]:
        """Return what becomes of a node's result on the way, as far as no arrow has told it."""
        fresh = [each for each in value.notes if (source, each) not in self.noted]
        self.noted.update((source, each) for each in fresh)
        return fresh

    def column_of(self, node: str) -> str:
        """Return the column that holds a node."""
        return next(name for name, nodes in self.columns.items() if node in nodes)

    def is_aside(self, node: str) -> bool:
        """Return whether a node stands beside the stream, as it reads nothing."""
        return self.nodes[node].kind != "input" and all(e.target != node for e in self.edges)

    def before(self, node: str) -> set[str]:
        """Return the nodes from which arrows lead to a node, and it."""
        found, new = {node}, [node]
        while new:
            target = new.pop()
            sources = {e.source for e in self.edges if e.target == target} - found
            found |= sources
            new += sources
        return found


@dataclass(slots=True)
class _Scope:
    """A function that is being read: the shapes of its values, and those that are known so far."""

    reader: Reader
    block: Block
    function: Function
    shapes: dict[str, Shape]
    known: dict[str, Value]
    location: Location

    def read(self, statement: Statement) -> None:
        """Add what a statement is drawn as, and make its results known."""
        values = [self.known[each] for each in statement.inputs]
        if isinstance(statement.op, Invoke):
            results = self.call(statement, values)
        else:
            results = self.apply(statement, statement.op, values)
        for name, value in zip(statement.results, results, strict=False):
            self.known[name] = replace(value, shape=self.shapes[name])

    def cover(self, statement: Statement) -> str:
        """Return the name of a statement: the function that holds it, and its first result."""
        result = statement.results[0] if statement.results else statement.part
        return f"{self.location.path}.{self.function.name}:{result}".lstrip(".")

    def uses(self, value: str) -> int:
        """Return how often a value is read."""
        read = Counter(each for other in self.function.body for each in other.inputs)
        return read[value] + self.function.outputs.count(value)

    def call(self, statement: Statement, values: list[Value]) -> list[Value]:
        """Read what is called, or add a node for a sub-layer."""
        assert isinstance(statement.op, Invoke)
        below, column = callee(self.block, statement), self.location.column
        function = below.function(statement.op.function)
        if not statement.part:
            stack = _stack_of(below, function) or column
            return self.reader.run(below, function, values, replace(self.location, column=stack))
        part = self.block.part(statement.part)
        if isinstance(part, Repeat):
            return self.layers(statement, part, function, values)
        if _stack_of(below, function):
            location = replace(self.location.below(statement.part), column=statement.part)
            return self.reader.run(below, function, values, location)
        return [self.sub_layer(statement, below, function, values)]

    def layers(
        self, statement: Statement, part: Repeat, function: Function, values: list[Value]
    ) -> list[Value]:
        """Read one of the layers of a group, and put a frame around it."""
        column, reader = self.location.column, self.reader
        groups = reader.groups.setdefault(column, [])
        location = replace(self.location.below(statement.part, str(len(groups))), is_layer=True)
        before = len(reader.columns.get(column, []))
        results = reader.run(part.block, function, values, location)
        members = reader.columns[column][before:]
        count, held = int(part.count.value), int(part.held.value)
        lines = [f"{engineering(parameters_of(part))} parameters"]
        if held < count:
            lines.append(f"{held} distinct, used in turn")
        groups.append(
            Group(id=location.id, times=count, lines=tuple(lines), members=tuple(members))
        )
        return results

    def sub_layer(
        self, statement: Statement, below: Block, function: Function, values: list[Value]
    ) -> Value:
        """Add a node for a whole block."""
        location = self.location.below(statement.part)
        node = describe(below, function, location.id, location.path)
        node = replace(
            node,
            covers=(self.cover(statement),),
            facts=(("result", shape_words(self.shapes[statement.results[0]])), *node.facts),
        )
        self.reader.calls[location.id] = Call(
            block=below, function=function, values=tuple(values), location=location
        )
        result = self.reader.add(
            node, self.location.column, *(Value(covers=v.covers, asides=v.asides) for v in values)
        )
        for value, heads in zip(values, heads_of(function), strict=True):
            self.reader.connect(value, result.sources[0], heads)
        return result

    def apply(self, statement: Statement, op: Op, values: list[Value]) -> list[Value]:
        """Add a node for an op, or let its input pass."""
        caption = op.caption
        depends = op.dependence(len(values))
        read = [
            value for value, mask in zip(values, depends, strict=True) if mask and caption.inputs
        ]
        if caption.kind == "mask":
            return [Value() for _ in statement.results]
        if not caption.title:
            return self.passed(statement, caption, read)
        if caption.kind == "sum" and len(read) == 2 and caption.title == "+":
            return [self.sum(statement, caption, read)]
        if caption.kind == "norm" and (joined := self.joined(statement, op, read[0])):
            return [joined]
        return self.nodes(statement, op, caption, read)

    def passed(self, statement: Statement, caption: Caption, read: list[Value]) -> list[Value]:
        """Return the inputs of an op without a box as its results, with what it does to them."""
        first = read[0] if read else Value()
        passed = replace(
            first,
            notes=(*first.notes, *filter(None, (caption.note,))),
            asides=(*first.asides, *filter(None, (caption.aside,))),
            covers=(*first.covers, self.cover(statement)),
        )
        count = len(statement.results)
        if len(first.sources) == count:
            return [replace(passed, sources=(each,)) for each in first.sources]
        return [passed] * count

    def sum(self, statement: Statement, caption: Caption, read: list[Value]) -> Value:
        """Add a sum, or one more term to a sum that nothing else reads."""
        reader, cover = self.reader, self.cover(statement)
        first, *others = zip(statement.inputs, read, strict=True)
        node = reader.nodes.get(first[1].sources[0]) if first[1].sources else None
        is_own = node is not None and node.covers[0].startswith(cover.rpartition(":")[0])
        is_plain = not first[1].notes and self.uses(first[0]) == 1
        if node is not None and node.kind == "sum" and is_own and is_plain:
            covers, asides = reader.taken([each for _, each in others])
            facts = (*node.facts, *(("on its input", each) for each in asides))
            node = replace(
                node,
                covers=(*node.covers, cover, *first[1].covers, *covers),
                facts=tuple(dict.fromkeys(facts)),
            )
            reader.nodes[node.id] = node
            for _, value in others:
                reader.connect(value, node.id)
            return Value(sources=(node.id,))
        shape = shape_words(self.shapes[statement.results[0]])
        id = f"{self.branch(read) or self.own('')}.sum"
        made = Node(
            id=id, kind="sum", title=caption.title, covers=(cover,), facts=(("result", shape),)
        )
        result = reader.add(made, self.location.column, *read)
        self.mark_residual(result.sources[0])
        return result

    def own(self, name: str) -> str:
        """Return the id of what the model itself holds: it begins with the column."""
        return ".".join(filter(None, (self.location.id or self.location.column, name)))

    def branch(self, read: list[Value]) -> str:
        """Return the sub-layer whose result is summed up, if it is one."""
        new = [source for value in read for source in value.sources]
        while new:
            node = new.pop()
            if node in self.reader.calls and node.startswith(self.location.id or "-"):
                return node
            if self.reader.nodes[node].kind == "norm":
                new += [each.source for each in self.reader.edges if each.target == node]
        return ""

    def mark_residual(self, target: str) -> None:
        """Mark the arrow that goes around the others: it starts before what they come from."""
        edges = [each for each in self.reader.edges if each.target == target]
        for edge in edges:
            others = [each.source for each in edges if each is not edge]
            if any(edge.source in self.reader.before(each) for each in others):
                number = self.reader.edges.index(edge)
                self.reader.edges[number] = replace(edge, kind="residual")

    def joined(self, statement: Statement, op: Op, value: Value) -> Value | None:
        """Make of a sum in a layer, which a norm alone reads, one box: `Add & Norm`."""
        node = self.reader.nodes.get(value.sources[0]) if value.sources else None
        is_own = node is not None and node.id.startswith(f"{self.location.id}.")
        if not node or not is_own or node.kind != "sum" or not self.location.is_layer:
            return None
        if value.covers or self.uses(statement.inputs[0]) != 1:
            return None
        location = self.location.below(statement.part)
        self.reader.nodes[node.id] = replace(
            node,
            kind="add_norm",
            title=f"Add & {op.caption.title.removeprefix('Layer ')}",
            parameters=parameters_of(op),
            covers=(*node.covers, self.cover(statement)),
            facts=(*node.facts, *_facts(op, location.path)),
        )
        return Value(sources=(node.id,))

    def nodes(
        self, statement: Statement, op: Op, caption: Caption, read: list[Value]
    ) -> list[Value]:
        """Add a node for an op; of several linear maps in one, a node for each where it is open."""
        name = statement.part or caption.title.lower().replace(" ", "_")
        location, reader = self.location.below(name), self.reader
        shape = shape_words(self.shapes[statement.results[0]]) if statement.results else ""
        node = Node(
            id=self.own(name),
            kind=caption.kind,
            title=self.title(statement, caption),
            lines=self.lines(statement, caption),
            parameters=self.parameters(statement, op, read),
            covers=(self.cover(statement),),
            facts=(*((("result", shape),) if shape else ()), *_facts(op, location.path)),
            times=caption.times,
        )
        slices = next((each.slices for each in op.parameters()), ())
        if self.reader.is_open and len(slices) > 1:
            whole = sum(size(width, {}) for _, width in slices)
            sources = list[str]()
            for word, width in slices:
                own = replace(
                    node,
                    id=f"{node.id}.{word}",
                    lines=(f"{word} → {size(width, {})}",),
                    parameters=node.parameters * size(width, {}) // whole,
                    covers=() if sources else node.covers,
                )
                sources += reader.add(own, self.location.column, *read).sources
            if len(statement.results) == len(sources):
                return [Value(sources=(each,)) for each in sources]
            return [Value(sources=tuple(sources))]
        result = reader.add(node, self.location.column, *read)
        return [result for _ in statement.results]

    def title(self, statement: Statement, caption: Caption) -> str:
        """Return the title, with the stream where an embedding reads one of two."""
        names = {each.name for each in self.function.inputs}
        words = TABLES.get(statement.inputs[0]) if statement.inputs else None
        is_pair = ("target" in names and "source" in names) or self.location.column == "encoder"
        if caption.kind == "embedding" and words and is_pair and "Segment" not in caption.title:
            return f"{words} {caption.title}"
        return caption.title

    def lines(self, statement: Statement, caption: Caption) -> tuple[str, ...]:
        """Return what stands below the title of a box."""
        if caption.kind in ("position", "attention", "mixer") and caption.words:
            return (caption.words,)
        if caption.kind == "linear" and self.reader.is_open:
            return (f"{statement.part} {caption.words}",)
        is_shared = statement.part in self.reader.tables and not self.location.id
        if not is_shared:
            return ()
        return (f"shares the weights of {self.reader.tables[statement.part]}",)

    def table(self, statement: Statement, caption: Caption, read: list[Value]) -> str:
        """Return what others call a box whose weights they share; several are called Linear."""
        title = self.title(statement, caption)
        sources = [source for value in read for source in value.sources]
        if caption.kind != "linear" or not sources:
            return title
        return f"{title} above {self.reader.nodes[sources[0]].title}"

    def parameters(self, statement: Statement, op: Op, read: list[Value]) -> int:
        """Return the number of parameters; of a table that is used again, none."""
        count = parameters_of(op)
        if statement.part and count and not self.location.id:
            if statement.part in self.reader.tables:
                return 0
            self.reader.tables[statement.part] = self.table(statement, op.caption, read)
        if not count and statement.part:
            part = self.block.part(statement.part)
            return parameters_of(part) if isinstance(part, Repeat) else 0
        return count


def _facts(op: Op, path: str) -> tuple[tuple[str, str], ...]:
    """Return the number of parameters of an op and its place in the code, if it has any."""
    count = parameters_of(op)
    own = (("parameters", f"{count:,}"),) if count else ()
    return (*own, *((("in the code", path),) if count else ()))


def _stack_of(block: Block, function: Function) -> str:
    """Return the part with layers that a function calls, `layers` if they are its own."""
    for statement in function.body:
        if isinstance(statement.op, Invoke) and statement.part:
            part = block.part(statement.part)
            if isinstance(part, Repeat):
                return "layers"
            assert isinstance(part, Block)
            if _stack_of(part, part.function(statement.op.function)):
                return statement.part
    return ""
