"""Writes pictures of networks as a page that tells, of each part, what it is."""

from compiler.draw.diagram import Node, Picture
from compiler.page.html import file_beside
from compiler.page.interactive import interactive_page


def as_html(svg: str, title: str, nodes: dict[str, dict[str, object]] | None = None) -> str:
    """Return a page with a picture; `nodes` are what is shown of each node that is pointed at."""
    return interactive_page(
        title=title,
        style=file_beside(__file__, "page.css"),
        script=file_beside(__file__, "page.js"),
        data={"nodes": nodes or {}},
        body=f'<main>{svg}</main>\n<aside id="facts" aria-live="polite" hidden></aside>',
    )


def facts_of(shown: Picture) -> dict[str, dict[str, object]]:
    """Return the facts of all nodes, by the number of the diagram and the id of the node."""
    return {
        f"{number}:{node.id}": _facts(node)
        for number, diagram in enumerate(shown.diagrams)
        for node in diagram.nodes
    }


def _facts(node: Node) -> dict[str, object]:
    rows = [["", line] for line in node.lines]
    rows += [[name, value] for name, value in node.facts]
    rows += [["mask", each.mask.text] for each in node.masks]
    return {"title": node.title, "rows": rows}
