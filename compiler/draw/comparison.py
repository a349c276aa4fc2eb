"""Two diagrams side by side, in which what differs is marked."""

from collections.abc import Iterator
from dataclasses import replace

from compiler.draw.diagram import Change, Column, Diagram, Edge, Group, Node, Picture


def compare(one: Diagram, other: Diagram) -> Picture:
    """Return a picture of both: a part is compared with that of the same place and name."""
    marked = (_marked(one, other), _marked(other, one))
    equal = not any(change for diagram in marked for change in _changes(diagram))
    if equal:
        note = "Both networks have one architecture."
        marked = (replace(marked[0], notes=(*marked[0].notes, note)), marked[1])
    return Picture(title=f"{one.title} and {other.title}", diagrams=marked, legend=not equal)


def _changes(diagram: Diagram) -> Iterator[Change]:
    yield from (each.change for each in diagram.nodes)
    yield from (each.change for each in diagram.groups)
    yield from (each.change for each in diagram.edges)


def _marked(own: Diagram, other: Diagram) -> Diagram:
    edges = {_name(each): each for each in other.edges}
    groups = {each.id: each for each in other.groups}
    theirs = other.by_id
    nodes = tuple(replace(each, change=_change(each, theirs.get(each.id))) for each in own.nodes)
    missing = {each.id for each in nodes if each.change == "only"}
    missing |= {
        end
        for edge in other.edges
        for end, beyond in ((edge.source, edge.target), (edge.target, edge.source))
        if beyond not in own.by_id
    }
    return replace(
        own,
        columns=tuple(_column(each, groups) for each in own.columns),
        nodes=nodes,
        edges=tuple(
            replace(each, change=_edge_change(each, edges.get(_name(each)), missing))
            for each in own.edges
        ),
    )


def _column(column: Column, groups: dict[str, Group]) -> Column:
    return replace(
        column,
        groups=tuple(
            replace(each, change=_group_change(each, groups.get(each.id))) for each in column.groups
        ),
    )


def _name(edge: Edge) -> tuple[str, str]:
    return edge.source, edge.target


def _change(own: Node, other: Node | None) -> Change:
    """Return how a node differs; where its statements stand in the code does not count."""
    if other is None:
        return "only"
    return "" if _bare(own) == _bare(other) else "changed"


def _bare(node: Node) -> Node:
    facts = tuple(each for each in node.facts if each[0] != "in the code")
    return replace(node, covers=(), facts=facts)


def _group_change(own: Group, other: Group | None) -> Change:
    if other is None:
        return "only"
    return "" if (own.times, own.lines[1:]) == (other.times, other.lines[1:]) else "changed"


def _edge_change(own: Edge, other: Edge | None, missing: set[str]) -> Change:
    """Return how an arrow differs; one that comes or goes with a marked node is not marked."""
    if {own.source, own.target} & missing:
        return ""
    if other is None:
        return "only"
    return "" if own == other else "changed"
