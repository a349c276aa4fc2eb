"""Pictures of a spec: its network, one of its sub-layers, or two specs side by side."""

from dataclasses import dataclass

from compiler.draw.comparison import compare
from compiler.draw.diagram import Diagram, Picture
from compiler.draw.html import as_html, facts_of
from compiler.draw.mermaid import as_mermaid
from compiler.draw.network import read_network
from compiler.draw.part import find_part, part_names, read_part
from compiler.draw.svg import as_svg
from compiler.draw.value import Call
from compiler.ir.block import Block
from compiler.pipeline import PROOFS, build
from compiler.spec.load import Loaded


class NoSuchPart(Exception):
    """Raised for the name of a sub-layer that a network does not have; `names` are those it has."""

    def __init__(self, title: str, names: list[str]) -> None:
        super().__init__(title)
        self.title, self.names = title, names


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A network that has been proved and read: its IR, its picture, and its sub-layers."""

    model: Block
    diagram: Diagram
    calls: dict[str, Call]

    def part(self, name: str) -> Diagram:
        """Return the picture of a sub-layer; raises NoSuchPart."""
        call = find_part(self.calls, name)
        if call is None:
            raise NoSuchPart(self.diagram.title, part_names(self.calls))
        title = f"{self.diagram.title}: {name}"
        return read_part(call, self.diagram.by_id, title)


def read_drawing(loaded: Loaded, title: str = "") -> Drawing:
    """Return the drawing of a complete spec; raises `Rejected` if its network is not causal."""
    model = build(loaded, PROOFS)
    diagram, calls = read_network(model, title or loaded.spec.name)
    return Drawing(model=model, diagram=diagram, calls=calls)


def picture_of(drawings: list[Drawing], part: str = "") -> Picture:
    """Return the picture of one network, or of two that are compared, or of a sub-layer of each.

    Raises NoSuchPart.
    """
    diagrams = [each.part(part) if part else each.diagram for each in drawings]
    if len(diagrams) == 2:
        return compare(diagrams[0], diagrams[1])
    return Picture(title=diagrams[0].title, diagrams=(diagrams[0],))


def written(shown: Picture, form: str) -> str:
    """Return a picture as a file: `svg`, `html` or `mermaid`."""
    if form == "mermaid":
        return as_mermaid(shown)
    svg = as_svg(shown)
    return as_html(svg, shown.title, facts_of(shown)) if form == "html" else svg
