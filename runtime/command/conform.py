"""`specformer conform`: the departures of a spec from Vaswani et al. 2017."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.page.model import Cell, Document, Paragraph, Part, Section, Table, columns
from compiler.source.write import flow
from runtime.command.options import Force, Settings
from runtime.command.output import output_form, write_file
from runtime.command.page import page_in, print_page
from runtime.command.specs import as_its_author_wrote, read_spec

if TYPE_CHECKING:
    from compiler.conform.departures import Conformity, Finding

Form = Literal["text", "markdown", "json", "html"]
SUFFIXES: dict[str, Form] = {
    **{".txt": "text", ".md": "markdown", ".json": "json"},
    **{".html": "html", ".htm": "html"},
}
LEAD = (
    'Beside "Attention Is All You Need" (Vaswani et al. 2017). A setting is "not named" where no '
    "sentence, equation or figure of the paper gives its value; it departs where it adds something "
    "to what the paper describes. tensor2tensor is the code that the authors trained with, in its "
    "first published settings (transformer_base_v1)."
)
COLUMNS = {
    **{"layers": "N", "d_model": "d_model", "d_ff": "d_ff", "heads": "h", "d_k": "d_k"},
    **{"d_v": "d_v", "dropout": "P_drop", "smoothing": "eps_ls", "position": "positional encoding"},
}
"""The columns of Table 3 by their names in the paper."""


def conform(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="A spec, a package, or the folder of a run.")
    ],
    settings: Settings = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Show the settings that agree or are not used, too."),
    ] = False,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="By default that of the name of --out, or else text."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here, not to stdout.")
    ] = None,
    force: Force = False,
) -> None:
    """Show where a spec departs from Vaswani et al. 2017, section by section of the paper."""
    from compiler.conform.departures import conformity

    form = output_form(out, SUFFIXES, form, force=force)
    loaded, is_locked = read_spec(spec, settings)
    written = as_its_author_wrote(loaded.spec) if is_locked else loaded
    found = conformity(written or loaded, is_locked=written is None)
    page = page_of(found, everything=everything)
    if out is not None:
        text = as_json(found) if form == "json" else page_in(page, form)
        write_file(out, text, force=force)
    elif form == "json":
        typer.echo(as_json(found), nl=False)
    else:
        print_page(page, form)


def as_json(found: "Conformity") -> str:
    """Return all findings, those that agree, too, for programs."""
    whole = {
        "name": found.name,
        "row": found.row.name,
        "is_row": not found.differing,
        "differing": found.differing,
        "findings": [asdict(each) for each in found.findings],
        "not_compared": {"outside": found.outside, "moot": found.moot},
    }
    return json.dumps(whole, indent=2) + "\n"


def page_of(found: "Conformity", *, everything: bool = False) -> Document:
    """Return the page: what the spec is in Table 3, then the findings by section of the paper."""
    from compiler.conform.paper import TITLES

    named = [each for each in found.findings if each.verdict != "not named"]
    sections = [Section(parts=tuple(_lead(found)))]
    for number, title in TITLES.items():
        shown = [each for each in named if everything or each.verdict == "departs"]
        if own := [each for each in shown if each.section == number]:
            sections.append(Section(title=f"{number} {title}", parts=(_table(own),)))
    unnamed = [each for each in found.findings if each.verdict == "not named"]
    shown = [each for each in unnamed if everything or each.is_choice]
    sections.append(Section(title="Not named by the paper", parts=(_table_of_unnamed(shown),)))
    sections.append(Section(title="Not compared", parts=tuple(_not_compared(found))))
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
        yield Paragraph(text=f'It is no row of Table 3. It is compared with "{row}": {others}.')
    departs, agrees, unnamed = (
        sum(each.verdict == verdict for each in found.findings)
        for verdict in ("departs", "agrees", "not named")
    )
    unused = sum(each.verdict == "not named" and not each.is_choice for each in found.findings)
    yield Paragraph(
        text=f"Settings that depart from the paper: {departs}; that agree: {agrees}; that it does "
        f"not name: {unnamed}, of which {unused} are not used here."
    )


def _table(findings: list["Finding"]) -> Table:
    heads = ("setting", "here", "paper", "written at", "the paper says")
    rows = tuple(
        (
            each.setting,
            Cell(text=_shown(each.value), tone="bad" if each.verdict == "departs" else ""),
            _shown(each.paper) if each.is_named else Cell(text="not named", tone="quiet"),
            _written_at(each),
            _says(each),
        )
        for each in findings
    )
    return Table(columns=columns(heads), rows=rows, records=True)


def _says(finding: "Finding") -> str:
    says = finding.says if finding.is_named else f"nothing; the setting is {finding.about}"
    return f"{says}; tensor2tensor: {finding.tensor2tensor}" if finding.tensor2tensor else says


def _table_of_unnamed(findings: list["Finding"]) -> Table:
    heads = ("setting", "here", "written at", "what it is", "tensor2tensor")
    rows = tuple(
        (each.setting, _shown(each.value), _written_at(each), each.about, each.tensor2tensor)
        for each in findings
    )
    return Table(columns=columns(heads), rows=rows, records=True)


def _written_at(finding: "Finding") -> str:
    from compiler.where import short

    origin = finding.origin
    if origin.file:
        return f"{short(origin.file)}:{origin.line}:{origin.column}"
    return origin.words or "default"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else flow(value)


def _not_compared(found: "Conformity") -> Iterator[Paragraph]:
    outside = "; ".join(f"{about} ({', '.join(keys)})" for about, keys in found.outside.items())
    yield Paragraph(text=f"Not the subject of the paper: {outside}.")
    moot = "; ".join(f"{', '.join(keys)} (by {above})" for above, keys in found.moot.items())
    yield Paragraph(text=f"Decided by another setting, which is compared: {moot}.")
