"""The neutral model of a picture of a network, which the layout and all writers read.

A picture has one diagram, or two that are compared. A diagram has columns, one for each stack, in
which data flow from the bottom to the top.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from compiler.mask.mask import Mask
from compiler.ops.caption import Kind as OpKind

Kind = OpKind | Literal["input", "output", "network", "add_norm"]
Change = Literal["", "changed", "only"]
"""The answer to whether a part differs from that of the other diagram, or has none there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLabel:
    """A mask by which positions meet in a node; `heads` says in words which heads it holds for."""

    mask: Mask
    heads: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box.

    `id` is its place in the network, such as `encoder.0.self_attention` for the first group of
    layers. `covers` are the statements of the IR that it stands for, as `block.function:value`.
    `facts` are names and values for those who look closer. A pile has `times` sheets.
    """

    id: str
    kind: Kind
    title: str
    lines: tuple[str, ...] = ()
    masks: tuple[MaskLabel, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    parameters: int = 0
    times: int = 1
    covers: tuple[str, ...] = ()
    change: Change = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An arrow from a node to another: data of a `shape`, in words.

    A `residual` edge goes around a sub-layer; a `side` edge brings what comes from another column
    or from beside the stream. `heads` is the number of inputs of an attention that it feeds.
    """

    source: str
    target: str
    kind: Literal["flow", "residual", "side"] = "flow"
    shape: str = ""
    label: str = ""
    heads: int = 1
    change: Change = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A frame around nodes that are repeated `times` in a row; `lines` say more."""

    id: str
    times: int
    lines: tuple[str, ...] = ()
    members: tuple[str, ...]
    change: Change = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Nodes above each other; `side` is where arrows go around them."""

    id: str
    title: str = ""
    nodes: tuple[str, ...]
    groups: tuple[Group, ...] = ()
    side: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Columns with all nodes and edges. `notes` are sentences below the picture."""

    title: str
    columns: tuple[Column, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    subtitle: str = ""
    by_id: dict[str, Node] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {each.id: each for each in self.nodes})

    @property
    def groups(self) -> Iterator[Group]:
        """Yield the groups of all columns."""
        for column in self.columns:
            yield from column.groups


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One diagram, or two side by side."""

    title: str
    diagrams: tuple[Diagram, ...]
    legend: bool = False
