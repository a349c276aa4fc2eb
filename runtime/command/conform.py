"""`specformer conform`: the departures of a spec from Vaswani et al. 2017."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.page.model import Cell, Document, Paragraph, Part, Section, Table, columns
from compiler.source.write import flow
from runtime.command.options import Settings
from runtime.command.page import print_page

if TYPE_CHECKING:
    from compiler.conform.departures import Conformity, Finding

LEAD = (
    'Beside "Attention Is All You Need" (Vaswani et al. 2017). What the paper leaves open is '
    "marked so; tensor2tensor is the code that its authors trained with."
)
COLUMNS = {
    **{"layers": "N", "d_model": "d_model", "d_ff": "d_ff", "heads": "h", "d_k": "d_k"},
    **{"d_v": "d_v", "dropout": "P_drop", "smoothing": "eps_ls", "position": "positions"},
}
"""The columns of Table 3 by their names in the paper."""


def conform(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="A file, or a name of the library.")],
    settings: Settings = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show the settings that agree, too.")
    ] = False,
    form: Annotated[Literal["text", "markdown", "json", "html"], typer.Option("--format")] = "text",
) -> None:
    """Show where a spec departs from Vaswani et al. 2017, section by section of the paper."""
    from compiler.conform.departures import conformity
    from compiler.spec.load import load

    found = conformity(load(spec, settings or ()))
    if form == "json":
        typer.echo(json.dumps(as_json(found), indent=2))
    else:
        print_page(page_of(found, everything=everything), form)


def as_json(found: "Conformity") -> dict[str, object]:
    """Return all findings, those that agree, too, for programs."""
    return {
        "name": found.name,
        "row": found.row.name,
        "is_row": not found.differing,
        "differing": found.differing,
        "findings": [asdict(each) for each in found.findings],
    }


def page_of(found: "Conformity", *, everything: bool = False) -> Document:
    """Return the page: what the spec is in Table 3, then the findings by section of the paper."""
    from compiler.conform.paper import TITLES

    shown = [each for each in found.findings if everything or each.verdict != "agrees"]
    sections = [Section(parts=tuple(_lead(found)))]
    for number, title in TITLES.items():
        if own := [each for each in shown if each.section == number]:
            sections.append(Section(title=f"{number} {title}", parts=(_table(own),)))
    sections.append(Section(title="Not compared", parts=(_silent(),)))
    return Document(title=f"{found.name} and the paper", sections=tuple(sections))


def _lead(found: "Conformity") -> Iterator[Part]:
    yield Paragraph(text=LEAD)
    row = found.row.name
    if not found.differing:
        yield Paragraph(text=f'In the columns of Table 3 it is row "{row}".')
    else:
        others = "; ".join(
            f"{COLUMNS[name]} is {' and '.join(map(_shown, values)) or 'absent'}, not "
            f"{_shown(getattr(found.row, name))}"
            for name, values in found.differing.items()
        )
        yield Paragraph(text=f'It is no row of Table 3. Held to row "{row}": {others}.')
    departs, agrees, is_open = (
        sum(each.verdict == verdict for each in found.findings)
        for verdict in ("departs", "agrees", "open")
    )
    yield Paragraph(
        text=f"Settings that depart from the paper: {departs}; that agree: {agrees}; that it "
        f"leaves open: {is_open}."
    )


def _table(findings: list["Finding"]) -> Table:
    heads = ("setting", "here", "paper", "written at", "the paper says")
    return Table(columns=columns(heads), rows=tuple(map(_row, findings)))


def _row(finding: "Finding") -> tuple[str | Cell, ...]:
    places = [each for each in finding.places if each]
    setting = f"{finding.setting} ({places[0]})" if len(places) == 1 else finding.setting
    is_open, departs = finding.verdict == "open", finding.verdict == "departs"
    here = Cell(text=_shown(finding.value), tone="bad" if departs else "")
    paper = Cell(text="open", tone="quiet") if is_open else _shown(finding.paper)
    return setting, here, paper, _written_at(finding), finding.says


def _written_at(finding: "Finding") -> str:
    origin = finding.origin
    if origin.file:
        return f"{origin.file}:{origin.line}:{origin.column}"
    return origin.words or "default"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else flow(value)


def _silent() -> Paragraph:
    from compiler.conform.paper import SILENT

    about = "; ".join(
        f"{words} ({', '.join(key.partition('.')[2] for key in keys.split())})"
        for words, keys in SILENT.items()
    )
    return Paragraph(text=f"The paper does not speak of {about}.")
