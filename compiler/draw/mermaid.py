"""Writes pictures of networks as Mermaid flowcharts, for pages that draw these themselves."""

from collections.abc import Iterator

from compiler.draw.diagram import Column, Diagram, Edge, Group, Node, Picture
from compiler.draw.svg import FILLS, MARKS
from compiler.format import engineering


def as_mermaid(shown: Picture) -> str:
    """Return a picture as the text of a flowchart, which flows from the bottom to the top."""
    lines = ["flowchart BT"]
    for number, diagram in enumerate(shown.diagrams):
        keys = {each.id: f"d{number}n{k}" for k, each in enumerate(diagram.nodes)}
        inside = list(_diagram(diagram, keys, f"d{number}"))
        if len(shown.diagrams) > 1:
            inside = [f'subgraph d{number}["{_escaped(diagram.title)}"]', *inside, "end"]
        lines += [f"  {each}" for each in inside]
    lines += [f"  classDef {kind} fill:{fill},stroke:#3d444d" for kind, fill in FILLS.items()]
    lines += [
        f"  classDef {change} stroke:{colour},stroke-width:3px" for change, colour in MARKS.items()
    ]
    return "\n".join(lines) + "\n"


def _diagram(diagram: Diagram, keys: dict[str, str], prefix: str) -> Iterator[str]:
    for number, column in enumerate(diagram.columns):
        yield from _column(diagram, column, keys, f"{prefix}c{number}")
    for edge in diagram.edges:
        yield f"{keys[edge.source]} {_arrow(edge)} {keys[edge.target]}"


def _column(diagram: Diagram, column: Column, keys: dict[str, str], prefix: str) -> Iterator[str]:
    grouped = {each for group in column.groups for each in group.members}
    if column.title:
        yield f'subgraph {prefix}["{_escaped(column.title)}"]'
    for node in column.nodes:
        if node not in grouped:
            yield from _node(diagram.by_id[node], keys[node])
    for number, group in enumerate(column.groups):
        yield f'subgraph {prefix}g{number}["{_escaped(_group(group))}"]'
        for node in group.members:
            yield from _node(diagram.by_id[node], keys[node])
        yield "end"
        if group.change:
            yield f"class {prefix}g{number} {group.change}"
    if column.title:
        yield "end"


def _group(group: Group) -> str:
    return ", ".join((f"{group.times}\N{MULTIPLICATION SIGN}", *group.lines))


def _node(node: Node, key: str) -> Iterator[str]:
    lines = [node.title, *node.lines]
    lines += [", ".join(filter(None, (f"mask {e.mask.text}", e.heads))) for e in node.masks]
    if node.parameters:
        lines.append(f"{engineering(node.parameters)} parameters")
    words = "<br>".join(map(_escaped, lines))
    left, right = ("((", "))") if node.kind in ("sum", "product") else ("[", "]")
    yield f'{key}{left}"{words}"{right}'
    if node.kind in FILLS:
        yield f"class {key} {node.kind}"
    if node.change:
        yield f"class {key} {node.change}"


def _arrow(edge: Edge) -> str:
    words = " ".join(filter(None, (edge.label, edge.shape)))
    line = "-.->" if edge.kind == "residual" else "-->"
    return f'{line}|"{_escaped(words)}"|' if words else line


def _escaped(words: str) -> str:
    """Return text for a quoted label, with character codes for what Mermaid would read itself."""
    return "".join(
        each if each.isalnum() or each in " ,.:()[]_-" else f"#{ord(each)};" for each in words
    )
