"""The picture of a whole network: from the tokens at the bottom to the probabilities at the top."""

from collections.abc import Iterator
from dataclasses import replace

from compiler.analysis.cost import parameters_of
from compiler.draw.diagram import Column, Diagram, Edge, Node
from compiler.draw.read import Reader
from compiler.draw.value import Call, Location, Value
from compiler.ir.block import Block, Input

INPUTS = {"source": "Inputs", "target": "Outputs (shifted right)", "segments": "Segments"}


def read_network(model: Block, title: str) -> tuple[Diagram, dict[str, Call]]:
    """Return the picture of a whole network, and its sub-layers."""
    reader, forward = Reader(), model.function("forward")
    is_pair = len([each for each in forward.inputs if each.name != "segments"]) == 2
    values = [_input(reader, each, is_pair) for each in forward.inputs]
    last = [name for name, part in model.parts if isinstance(part, Block)]
    stack = next(name for name in ("decoder", "encoder") if name in last)
    (result,) = reader.run(model, forward, values, Location(column=stack))
    title_of_output = "Vector of the Text"
    if model.has("project"):
        softmax = Node(id="softmax", kind="softmax", title="Softmax")
        classes = any(name == "classifier" for name, _ in model.parts)
        title_of_output = "Class Probabilities" if classes else "Output Probabilities"
        result = replace(reader.add(softmax, stack, result), shape=())
    reader.add(Node(id="output", kind="output", title=title_of_output), stack, result)
    columns = tuple(_columns(reader))
    return (
        Diagram(
            title=title,
            subtitle=f"{parameters_of(model):,} parameters",
            columns=columns,
            nodes=tuple(reader.nodes.values()),
            edges=tuple(shown_shapes(reader)),
        ),
        reader.calls,
    )


def shown_shapes(reader: Reader) -> Iterator[Edge]:
    """Yield the edges, with a shape once for each node that gives what it read another shape."""
    told = set[str]()
    for edge in reader.edges:
        read = {each.shape for each in reader.edges if each.target == edge.source}
        is_new = edge.kind == "flow" and edge.shape not in read and edge.source not in told
        is_crossing = reader.column_of(edge.source) != reader.column_of(edge.target)
        shown = is_new or is_crossing or (reader.is_open and edge.source not in told)
        shown = shown and edge.kind != "residual"
        told.update([edge.source] if shown and edge.shape else ())
        yield edge if shown else replace(edge, shape="")


def _input(reader: Reader, given: Input, is_pair: bool) -> Value:
    column = "decoder" if given.name == "target" else "encoder"
    title = INPUTS[given.name] if is_pair or given.name == "segments" else "Tokens"
    node = Node(id=given.name, kind="input", title=title)
    return replace(reader.add(node, column), shape=given.shape)


def _columns(reader: Reader) -> Iterator[Column]:
    for name in ("encoder", "decoder"):
        if name in reader.columns:
            is_right = name == "decoder" and "encoder" in reader.columns
            yield Column(
                id=name,
                nodes=tuple(reader.columns[name]),
                groups=tuple(reader.groups.get(name, ())),
                side="right" if is_right else "left",
            )
