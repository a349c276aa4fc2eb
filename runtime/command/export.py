"""`specformer export`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runtime.command.options import (
    Average,
    Recompile,
    Which,
    open_any_run,
    report_fewer,
)
from runtime.command.page import print_page
from runtime.command.specs import written_spec
from runtime.command.test_sets import DataFolder, with_data_folder
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.export.report import Report
    from compiler.export.target import Target
    from compiler.spec.load import Loaded
    from runtime.export.folder import Done
    from runtime.export.source import Exportable

EXPORTS = Path("exports")
"""The folder that exported folders are made in, unless the user names another."""
ALL = "all"
PIPED = 100
"""The columns of what --dry-run prints where there is no terminal."""


def export(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="The folder of a run; with --dry-run, any spec."),
    ],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="huggingface|ctranslate2|onnx|torch|all",
            help="The format; `all` for --dry-run.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="OUT", help="The new folder.  [default: exports/RUN-FORMAT]"),
    ] = None,
    kind: Annotated[
        Literal["native", "remote"] | None,
        typer.Option(
            "--as",
            help="Of Hugging Face: a class of `transformers`, or the generated code.  [default: "
            "native where there is a class]",
        ),
    ] = None,
    quantize: Annotated[
        Literal["int8", "int8_bfloat16"] | None,
        typer.Option("--quantize", help="Round the weights; some words change."),
    ] = None,
    aot: Annotated[
        bool,
        typer.Option("--aot", help="Of torch: compile the programs for this processor, too."),
    ] = False,
    average: Average = None,
    checkpoint: Which = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="N|all",
            help="Sentences of the validation set that are compared.  [default: 100]",
        ),
    ] = None,
    data: DataFolder = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be unsupported; write nothing.")
    ] = False,
    form: Annotated[
        Literal["text", "markdown", "json", "html"] | None,
        typer.Option("--format", help="Of what --dry-run prints.  [default: text]"),
    ] = None,
    recompile: Recompile = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the exported folder that is there.")
    ] = False,
) -> None:
    """Write a trained run in a format of another program, compared before it is there.

    What the format does not support is told at its line of the spec, and nothing is written.
    """
    targets = chosen_targets(to, kind)
    if dry_run:
        refuse_without_meaning(
            "--dry-run writes nothing and reads no weights",
            {
                "--out": out is not None,
                "--quantize": quantize is not None,
                "--aot": aot,
                "--average": average is not None,
                "--checkpoint": checkpoint is not None,
                "--compare": compare is not None,
                "--data": data is not None,
                "--recompile": recompile,
                "--force": force,
            },
        )
        show(run, targets, form or "text", requires=to != ALL)
        return
    refuse_without_meaning("it is for what --dry-run prints", {"--format": form is not None})
    if to == ALL:
        raise UserError("--to all shows what each format supports", help="add --dry-run")
    from runtime.export.exporter import Options
    from runtime.export.exporters import EXPORTERS
    from runtime.export.folder import check_place, export_run, require_exportable
    from runtime.export.source import Exportable

    sentences = sentences_of(compare)
    opened = with_data_folder(open_any_run(Path(run), checkpoint, recompile), data)
    loaded = written_spec(run)
    target = best(targets, loaded)
    names = (opened.folder.resolve().name, target.name, quantize)
    place = out or EXPORTS / "-".join(filter(None, names))
    check_place(place, force=force)
    exporter, options = EXPORTERS[target.name], Options(quantize=quantize, compiled=aot)
    require_exportable(target, exporter, loaded, options)
    report_fewer(opened, average)
    exportable = Exportable.of(opened, loaded, average)
    done = export_run(
        exportable,
        target,
        exporter,
        place,
        options,
        sentences=sentences,
        is_text_given=data is not None,
        force=force,
    )
    print_done(exportable, done)


def refuse_without_meaning(why: str, given: dict[str, bool]) -> None:
    """Raise a UserError that names the options that were given and mean nothing here."""
    if names := [name for name, is_given in given.items() if is_given]:
        raise UserError(f"{' and '.join(names)} would be ignored: {why}", help="leave it out")


def chosen_targets(to: str, kind: str | None) -> list["Target"]:
    """Return the formats that --to and --as choose, the one that is preferred first.

    Raises a UserError for a word that is no format, and for --as of another format.
    """
    from compiler.export.targets import TARGETS

    words = {name.partition("-")[0]: None for name in TARGETS}
    if to not in (*words, ALL):
        known = ", ".join((*words, ALL))
        raise UserError(f"there is no format {to}", help=f"formats are {known}")
    found = [each for name, each in TARGETS.items() if to in (ALL, name.partition("-")[0])]
    if kind is None:
        return found
    chosen = [each for each in found if each.name == f"{to}-{kind}"]
    if not chosen:
        raise UserError(f"--as {kind} is not for --to {to}", help="leave it out")
    return chosen


def best(targets: list["Target"], loaded: "Loaded") -> "Target":
    """Return the first format that supports a spec, or the last one."""
    from compiler.export.target import refusals

    return next((each for each in targets if not refusals(each, loaded)), targets[-1])


def sentences_of(compare: str | None) -> int | None:
    """Return the number of sentences that --compare asks for; None for all of them.

    Raises a UserError for anything else, and for too few.
    """
    from runtime.export.comparison import LEAST_SENTENCES, SENTENCES

    if compare is None:
        return SENTENCES
    if compare == ALL:
        return None
    if not (compare.isascii() and compare.isdecimal()) or int(compare) < LEAST_SENTENCES:
        raise UserError(
            f"--compare {compare}: a folder is compared on at least {LEAST_SENTENCES} sentences",
            help=f"give a number from {LEAST_SENTENCES}, or all",
        )
    return int(compare)


def show(reference: str, targets: list["Target"], form: str, *, requires: bool) -> None:
    """Print what formats support of a spec.

    Raises `Rejected` if `requires` is true and none of them supports it.
    """
    from compiler.export.report import page_of, report_on
    from compiler.export.targets import require_sayable

    loaded = written_spec(reference)
    report = report_on(loaded, targets)
    if form == "json":
        typer.echo(as_json(report), nl=False)
    else:
        print_page(page_of(report), form, PIPED)
    if requires:
        require_sayable(best(targets, loaded), loaded)


def as_json(report: "Report") -> str:
    """Return the report for programs."""
    names = [each.name for each in report.targets]
    settings = [
        {
            "setting": each.name,
            "paths": each.paths,
            "formats": dict(zip(names, map(asdict, each.verdicts), strict=True)),
        }
        for each in report.settings
    ]
    return json.dumps({"name": report.name, "settings": settings}, indent=2) + "\n"


def print_done(exportable: "Exportable", done: "Done") -> None:
    """Print what was written, what was converted or is unsupported, and what was compared."""
    run, written = exportable.run.folder, done.written
    print(f"{run} -> {done.folder}: {written.title}, {exportable.parameters:,} parameters")
    print(f"weights         {exportable.weights}")
    for label, lines in (
        ("files", written.files),
        ("converted", written.converted),
        ("unsupported", written.unsupported),
        ("compared", done.comparison.lines),
    ):
        for number, line in enumerate(lines):
            print(f"{'' if number else label:<16}{line}")
