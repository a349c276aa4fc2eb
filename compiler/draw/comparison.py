"""Two diagrams side by side, in which what differs is marked."""

from collections.abc import Iterator
from dataclasses import replace

from compiler.draw.diagram import Change, Column, Diagram, Edge, Group, Node, Picture
from compiler.draw.matching import Facts, bare, matched, moved, renamed
from compiler.draw.measure import are_parameters_drawn


def compare(one: Diagram, other: Diagram) -> Picture:
    """Return a picture of both: a part is compared with that of the same place and name.

    Layers are compared with equal ones, if the other stack has these.
    """
    names = matched(one, other)
    like = renamed(other, names)
    own = {name: each for each, name in names.items()}
    same = moved(one, like)
    marked = (_marked(one, like, same), renamed(_marked(like, one, same), own))
    equal = not any(change for diagram in marked for change in _changes(diagram))
    if equal:
        note = "Both networks have one architecture."
        marked = (replace(marked[0], notes=(*marked[0].notes, note)), marked[1])
    return Picture(title=f"{one.title} and {other.title}", diagrams=marked, legend=not equal)


def _changes(diagram: Diagram) -> Iterator[Change]:
    yield from (each.change for each in diagram.nodes)
    yield from (each.change for each in diagram.groups)
    yield from (each.change for each in diagram.edges)


def _marked(own: Diagram, other: Diagram, same: Facts) -> Diagram:
    edges = {_name(each): each for each in other.edges}
    groups = {each.id: each for each in other.groups}
    theirs = other.by_id
    nodes = tuple(
        replace(each, change=_change(each, theirs.get(each.id), same)) for each in own.nodes
    )
    missing = {each.id for each in nodes if each.change == "only"}
    missing |= {
        end
        for edge in other.edges
        for end, beyond in ((edge.source, edge.target), (edge.target, edge.source))
        if beyond not in own.by_id
    }
    hidden = tuple(_hidden(own, nodes, theirs, same))
    return replace(
        own,
        notes=(*own.notes, *hidden),
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


def _change(own: Node, other: Node | None, same: Facts) -> Change:
    """Return how a node differs; where its statements stand in the code does not count."""
    if other is None:
        return "only"
    return "" if bare(own, same) == bare(other, same) else "changed"


def _hidden(
    diagram: Diagram, nodes: tuple[Node, ...], theirs: dict[str, Node], same: Facts
) -> Iterator[str]:
    """Yield the facts that differ and are written neither in boxes nor at arrows."""
    written = {each.shape for each in diagram.edges}
    found: dict[tuple[str, str], dict[str, int]] = {}
    for node in nodes:
        if node.change != "changed":
            continue
        for name, value in bare(node, same).facts:
            is_drawn = value in written or (name == "parameters" and are_parameters_drawn(node))
            if not is_drawn and (name, value) not in theirs[node.id].facts:
                boxes = found.setdefault((name, value), {})
                boxes[node.title] = boxes.get(node.title, 0) + 1
    for (name, value), boxes in found.items():
        words = ", ".join(
            f"{title} ({count} times)" if count > 1 else title for title, count in boxes.items()
        )
        yield f"Differs, and is not drawn: {name} {value}, of {words}."


def _group_change(own: Group, other: Group | None) -> Change:
    """Return how a frame differs: by what is written beside it, or by boxes that it has."""
    if other is None:
        return "only"
    return "" if replace(own, change="") == replace(other, change="") else "changed"


def _edge_change(own: Edge, other: Edge | None, missing: set[str]) -> Change:
    """Return how an arrow differs; one that comes or goes with a marked node is not marked."""
    if {own.source, own.target} & missing:
        return ""
    if other is None:
        return "only"
    return "" if own == other else "changed"
