"""One sub-layer opened: its statements as boxes, and the steps of its attention beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from compiler.draw.diagram import Column, Diagram, Edge, MaskLabel, Node
from compiler.draw.network import shown_shapes
from compiler.draw.read import Reader
from compiler.draw.sub_layer import describe
from compiler.draw.value import Call, Location, Value
from compiler.ir.block import Repeat
from compiler.ops.op import Op

STEP_INPUTS = ("Q", "K", "V", "Bias")
"""The names of the inputs of an attention in figure 2 of Vaswani et al. 2017."""


def part_names(calls: Mapping[str, Call]) -> list[str]:
    """Return the names by which the sub-layers of a network can be asked for.

    The number of the group of layers is left out where one sub-layer alone has the name.
    """
    short = [_short(each) for each in calls]
    return [
        name if short.count(name) == 1 else each for each, name in zip(calls, short, strict=True)
    ]


def _short(name: str) -> str:
    return ".".join(word for word in name.split(".") if not word.isdigit())


def find_part(calls: Mapping[str, Call], wanted: str) -> Call | None:
    """Return the sub-layer of a name: that of `part_names`, its id, or its path in the code."""
    for id, name in zip(calls, part_names(calls), strict=True):
        if wanted in (id, name, calls[id].location.path):
            return calls[id]
    return None


def read_part(call: Call, nodes: Mapping[str, Node], title: str) -> Diagram:
    """Return the picture of a sub-layer; `nodes` are those of the whole network."""
    reader = Reader(is_open=True)
    values = [
        _given(reader, name, value, nodes)
        for name, value in zip((e.name for e in call.function.inputs), call.values, strict=True)
    ]
    location = Location(column="whole", path=call.location.path)
    (result,) = reader.run(call.block, call.function, values, location)
    reader.add(Node(id="output", kind="output", title="Output"), "whole", result)
    node = describe(call.block, call.function, call.location.id, call.location.path)
    edges, all_nodes = list(shown_shapes(reader)), dict(reader.nodes)
    columns = [Column(id="whole", title=node.title, nodes=tuple(reader.columns["whole"]))]
    beside = [*_steps(call, edges, all_nodes), *_repeated(call, edges, all_nodes)]
    columns = [*(each for each in beside if each.id == "steps"), *columns]
    columns += [each for each in beside if each.id != "steps"]
    return Diagram(
        title=title,
        subtitle=f"{node.parameters:,} parameters",
        columns=tuple(columns),
        nodes=tuple(all_nodes.values()),
        edges=tuple(edges),
    )


def _given(reader: Reader, name: str, value: Value, nodes: Mapping[str, Node]) -> Value:
    """Add a node for an input of the sub-layer; none for a mask, which has no node."""
    if not value.sources:
        return Value(shape=value.shape)
    source = nodes[value.sources[0]]
    is_aside = source.kind in ("position", "bias")
    title = source.title if is_aside else {"x": "Input", "memory": "Encoder output"}.get(name, name)
    added = reader.add(Node(id=f"given.{name}", kind="input", title=title), "whole")
    return replace(added, shape=value.shape)


def _steps(call: Call, edges: list[Edge], nodes: dict[str, Node]) -> Iterator[Column]:
    """Yield a column for the first op that has steps, as all groups of heads have the same."""
    ops = [each.op for each in call.function.body if isinstance(each.op, Op) and each.op.steps()]
    if not ops:
        return
    op, own = ops[0], list[str]()
    steps = op.steps()
    numbers = sorted({each for step in steps for each in step.reads if isinstance(each, int)})
    for number in numbers:
        name = f"steps.{STEP_INPUTS[number]}"
        nodes[name] = Node(id=name, kind="input", title=STEP_INPUTS[number])
        own.append(name)
    for step in steps:
        name = f"steps.{step.name}"
        is_mask, masks = step.kind == "mask", list(dict.fromkeys(each.mask for each in ops))
        labels = tuple(MaskLabel(mask=each) for each in masks if each) if is_mask else ()
        nodes[name] = Node(id=name, kind=step.kind, title=step.title, masks=labels)
        own.append(name)
        for read in step.reads:
            source = f"steps.{STEP_INPUTS[read] if isinstance(read, int) else read}"
            edges.append(Edge(source=source, target=name))
    nodes["steps.output"] = Node(id="steps.output", kind="output", title="Output")
    edges.append(Edge(source=own[-1], target="steps.output"))
    own.append("steps.output")
    yield Column(id="steps", title=op.caption.title, nodes=tuple(own), side="right")


def _repeated(call: Call, edges: list[Edge], nodes: dict[str, Node]) -> Iterator[Column]:
    """Yield a column for each block that an op applies several of, such as an expert."""
    for name, part in call.block.parts:
        if not isinstance(part, Repeat):
            continue
        inner, function = Reader(is_open=True), part.block.function("forward")
        given = function.inputs[0]
        value = inner.add(Node(id="given", kind="input", title="Input"), name)
        location = Location(column=name, path=f"{call.location.path}.{name}", id=name)
        (result,) = inner.run(part.block, function, [replace(value, shape=given.shape)], location)
        inner.add(Node(id="out", kind="output", title="Output"), name, result)
        renamed = {id: f"{name}:{id}" for id in inner.nodes}
        nodes |= {renamed[id]: replace(each, id=renamed[id]) for id, each in inner.nodes.items()}
        edges += [
            replace(each, source=renamed[each.source], target=renamed[each.target])
            for each in shown_shapes(inner)
        ]
        title = f"One of {part.count.value} {name}"
        yield Column(id=name, title=title, nodes=tuple(renamed.values()))
