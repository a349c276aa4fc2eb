"""The command `corpus`: the demo's text, or a published corpus by its name."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runtime.command.output import report
from runtime.errors import UserError
from runtime.system.terminal import progress

if TYPE_CHECKING:
    from runtime.corpora.filters import Filters

MOST_PAIRS = 10_000_000
MOST_WORDS = 1_000_000
OF_THE_DEMO = ("train", "valid", "test", "seed")
OF_PUBLISHED = ("origin", "max_length", "max_ratio", "drop_duplicates", "filter_all", "force")


def corpus(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="A published corpus: wmt14-en-de, enwik8, ..."),
    ] = None,
    list_corpora: Annotated[
        bool, typer.Option("--list", help="Describe the published corpora, and write none.")
    ] = False,
    origin: Annotated[
        Path | None,
        typer.Option("--from", metavar="LOCAL", help="Its files, fetched by other means."),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            "--max-length",
            metavar="N",
            min=1,
            max=MOST_WORDS,
            help="Leave out training pairs with a side of more words.",
        ),
    ] = None,
    max_ratio: Annotated[
        float | None,
        typer.Option(
            "--max-ratio",
            metavar="R",
            min=1.0,
            max=float(MOST_WORDS),
            help="Leave out training pairs with a side of more than R times the other's words.",
        ),
    ] = None,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="Write each training pair once.")
    ] = False,
    filter_all: Annotated[
        bool, typer.Option("--filter-all", help="Filter validation and test text, too.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a published corpus that is there.")
    ] = False,
    train: Annotated[
        int,
        typer.Option("--train", metavar="N", min=1, max=MOST_PAIRS, help="Demo: pairs to learn."),
    ] = 20_000,
    valid: Annotated[
        int,
        typer.Option(
            "--valid", metavar="N", min=1, max=MOST_PAIRS, help="Demo: pairs to choose by."
        ),
    ] = 500,
    test: Annotated[
        int,
        typer.Option("--test", metavar="N", min=1, max=MOST_PAIRS, help="Demo: pairs to score by."),
    ] = 1000,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", metavar="S", min=0, max=2**31 - 1, help="Demo: seed of the random pairs."
        ),
    ] = 1,
) -> None:
    """Write a published corpus by its name, or the demo's: pairs from a grammar.

    The demo corpus is English-German, with real difficulties. A published corpus is fetched, or
    read from LOCAL, then written with checksums and with the counts of what was left out.
    """
    given = _given(context)
    if list_corpora:
        if given - {"list_corpora"}:
            raise UserError("--list takes nothing beside it", help="specformer corpus --list")
        return _describe()
    if folder is None:
        raise UserError(
            "FOLDER is missing", help="name the folder to write, or see --list for what there is"
        )
    if name is None:
        _refuse(context, given, OF_PUBLISHED, "belongs to a published corpus", "add --name NAME")
        return _write_demo(folder, train=train, valid=valid, test=test, seed=seed)
    _refuse(context, given, OF_THE_DEMO, "belongs to the demo's corpus", "leave it, or --name, out")
    from runtime.corpora.filters import Filters

    filters = Filters(
        max_length=max_length,
        max_ratio=max_ratio,
        drop_duplicates=drop_duplicates,
        everywhere=filter_all,
    )
    return _write_published(name, folder, origin, filters, force=force)


def _given(context: typer.Context) -> set[str]:
    """Return the names of the parameters that the command line sets."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def _refuse(
    context: typer.Context, given: set[str], names: tuple[str, ...], reason: str, help: str
) -> None:
    """Raise a UserError for the first of some options that is given."""
    options = {each.name: each.opts[0] for each in context.command.params}
    for name in names:
        if name in given:
            raise UserError(f"{options[name]} {reason}", help=help)


def _write_demo(folder: Path, *, train: int, valid: int, test: int, seed: int) -> None:
    from runtime.corpus import write_corpus
    from runtime.system.atomic_files import new_folder

    if folder.exists():
        raise UserError(f"{folder} exists already", help="choose another name, or remove it first")
    with new_folder(folder) as unfinished:
        write_corpus(unfinished, train=train, valid=valid, test=test, seed=seed)
    print(
        f"{folder}: {train:,} training, {valid:,} validation and {test:,} test pairs, seed {seed}"
    )


def _write_published(
    name: str, folder: Path, origin: Path | None, filters: "Filters", *, force: bool
) -> None:
    from runtime.corpora.catalogue import find_corpus
    from runtime.corpora.writing import write_published

    found = find_corpus(name)
    written = write_published(
        name, folder, origin=origin, filters=filters, force=force, progress=progress
    )
    for doubt in written.doubts:
        report(f"warning: {doubt}")
    unit = "characters" if found.is_text else "pairs"
    for part, counts in written.counts.items():
        print(f"{part}: {counts.said(unit)}")
    print(f"{folder}: {found.summary}; licence: {found.licence}")
    for spec in found.specs:
        print(f"train on it: {_training(spec, folder)}")


def _training(spec: str, folder: Path) -> str:
    """Return the command that trains a spec of the library on a corpus in a folder."""
    from compiler.spec.load import load

    is_its_folder = load(spec).spec.data.folder == str(folder)
    return f"specformer train {spec}" + (
        "" if is_its_folder else f" --data {shlex.quote(str(folder))}"
    )


def _describe() -> None:
    from runtime.corpora.catalogue import catalogue

    for name, each in catalogue().items():
        print(f"{name}: {each.summary}")
        described = {
            "parts": ", ".join(each.parts),
            "size": each.size,
            "document": each.document,
            "licence": each.licence,
            "source": each.homepage,
            "citation": each.citation,
            "command": f"specformer corpus data/{name} --name {name}",
        }
        print(*(f"  {key:<9} {value}" for key, value in described.items()), sep="\n")
