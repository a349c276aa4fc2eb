"""The groups of layers of two diagrams that are compared with each other: equal layers first."""

from collections.abc import Iterator
from dataclasses import replace

from compiler.draw.diagram import Column, Diagram, Group, Node

Names = dict[str, str]
"""New names of nodes and groups by their own ones."""
Facts = set[tuple[str, tuple[str, str]]]
"""Facts with the names of their nodes."""


def matched(one: Diagram, other: Diagram) -> Names:
    """Return names for the groups of the other diagram, and for their nodes.

    A group gets the name of the one that it is compared with, or else a name that `one` lacks.
    """
    names: Names = {}
    columns = {each.id: each.groups for each in one.columns}
    for column in other.columns:
        pairs = dict(_pairs(one, columns.get(column.id, ()), other, column.groups))
        for group in column.groups:
            names |= _names(group, pairs.get(group.id, f"other {group.id}"))
    return names


def _pairs(
    one: Diagram, own: tuple[Group, ...], other: Diagram, theirs: tuple[Group, ...]
) -> Iterator[tuple[str, str]]:
    """Yield the names of groups of the other diagram, each with that of the group like it.

    Groups of equal layers belong together, then those that are left, from the bottom to the top.
    """
    left, rest, entries = list(own), list[Group](), _entries(one) | _entries(other)
    for group in theirs:
        layer = _layer(other, group, entries)
        equal = next((each for each in left if _layer(one, each, entries) == layer), None)
        if equal is None:
            rest.append(group)
        else:
            left.remove(equal)
            yield group.id, equal.id
    for group, like in zip(rest, left, strict=False):
        yield group.id, like.id


def _layer(diagram: Diagram, group: Group, entries: Facts) -> tuple[Node, ...]:
    """Return the boxes of a layer, without the name of the group and what is before its layers."""
    return tuple(
        replace(bare(diagram.by_id[each], entries), id=each.removeprefix(group.id))
        for each in group.members
    )


def _entries(diagram: Diagram) -> Facts:
    """Return the facts of what the lowest layers of groups are given, such as a dropout of it."""
    members = {each: group.id for group in diagram.groups for each in group.members}
    entered = {
        edge.target
        for edge in diagram.edges
        if edge.kind != "side" and members.get(edge.source) != members.get(edge.target)
    }
    return {
        (node, fact)
        for node in entered & members.keys()
        for fact in diagram.by_id[node].facts
        if fact[0] == "on its input"
    }


def moved(one: Diagram, other: Diagram) -> Facts:
    """Return facts of what the layers of a stack are given, as far as both stacks have them.

    A dropout of embeddings is told of the lowest layer, which may be of another kind in the other
    stack: that is no difference.
    """
    found: Facts = set()
    columns = {each.id: {*each.nodes} for each in other.columns}
    for column in one.columns:
        own = {each for each in _entries(one) if each[0] in column.nodes}
        their = {each for each in _entries(other) if each[0] in columns.get(column.id, ())}
        both = {fact for _, fact in own} & {fact for _, fact in their}
        found |= {each for each in own | their if each[1] in both}
    return found


def bare(node: Node, without: Facts) -> Node:
    """Return a node without these facts, and without the places of its statements in the code."""
    facts = tuple(
        each for each in node.facts if each[0] != "in the code" and (node.id, each) not in without
    )
    return replace(node, covers=(), facts=facts)


def _names(group: Group, name: str) -> Names:
    return {each: name + each.removeprefix(group.id) for each in (group.id, *group.members)}


def renamed(diagram: Diagram, names: Names) -> Diagram:
    """Return a diagram with other names of nodes and groups."""

    def new(name: str) -> str:
        return names.get(name, name)

    def group_of(group: Group) -> Group:
        return replace(group, id=new(group.id), members=tuple(map(new, group.members)))

    def column_of(column: Column) -> Column:
        groups = tuple(map(group_of, column.groups))
        return replace(column, nodes=tuple(map(new, column.nodes)), groups=groups)

    return replace(
        diagram,
        columns=tuple(map(column_of, diagram.columns)),
        nodes=tuple(replace(each, id=new(each.id)) for each in diagram.nodes),
        edges=tuple(
            replace(each, source=new(each.source), target=new(each.target))
            for each in diagram.edges
        ),
    )
