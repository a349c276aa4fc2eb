"""`specformer attend`: where a trained network looks, as a page, a figure or numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runtime.command.attend_texts import Text, read_texts
from runtime.command.options import (
    MOST_SHOWN,
    Force,
    Recompile,
    RunFolder,
    Which,
    open_any_run,
)
from runtime.command.output import PAGE, output_form, report, write_file
from runtime.command.pictures import check_picture, write_picture
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.attention.attention import Attention
    from runtime.attention.layers import AttentionPlace
    from runtime.run import Run

LARGE = 2_000_000
"""Bytes of a page that is said to be large."""
MARKDOWN = {".md": "markdown", ".markdown": "markdown"}
Kind = Literal["encoder", "decoder", "cross"]

Texts = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="TEXT", help="A text to read; may be given several times."),
]
TextFile = Annotated[
    Path | None, typer.Option("--input", metavar="FILE", help="Texts, one a line.")
]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="TEXT", help="The target of each --text, in order."),
]
Translated = Annotated[
    bool,
    typer.Option(
        "--translate",
        help="Let the network make the target, which it does without --target anyway.",
    ),
]
Against = Annotated[
    list[Path] | None,
    typer.Option(
        "--against", metavar="RUN", help="Another run beside the first; several may be given."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="The page to write; of --measure, Markdown."),
]
Measure = Annotated[
    bool,
    typer.Option(
        "--measure",
        help="Numbers in the place of pictures: the weights of each head and, on the demo corpus, "
        "whether one finds antecedents and verbs. With texts, the weights alone.",
    ),
]
FigureFile = Annotated[
    Path | None,
    typer.Option(
        "--figure",
        metavar="FILE",
        help="A figure of one text: .svg; .pdf and .png with the extra `report`.",
    ),
]
FigureKind = Annotated[
    Kind | None,
    typer.Option("--kind", help="Whose attention the figure shows.  [default: the first]"),
]
FigureLayer = Annotated[
    int | None,
    typer.Option(
        "--layer",
        metavar="N",
        min=1,
        max=MOST_SHOWN,
        help="The layer of the figure.  [default: the last]",
    ),
]
FigureHeads = Annotated[
    str | None,
    typer.Option("--head", metavar="1,2", help="Heads of the figure.  [default: all]"),
]
FigureToken = Annotated[
    str | None,
    typer.Option("--token", metavar="TOKEN", help="Lines of this token alone, as it reads."),
]
FigureWords = Annotated[bool, typer.Option("--words", help="The figure joins subwords to words.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The file of a figure, and what it shows of a network's attention."""

    path: Path
    kind: Kind | None
    layer: int | None
    heads: list[int]
    """From 1; none for all."""
    token: str | None
    words: bool


def attend(
    run: RunFolder,
    text: Texts = None,
    input: TextFile = None,
    target: Targets = None,
    translate: Translated = False,
    against: Against = None,
    out: Out = None,
    measure: Measure = False,
    figure: FigureFile = None,
    kind: FigureKind = None,
    layer: FigureLayer = None,
    head: FigureHeads = None,
    token: FigureToken = None,
    words: FigureWords = False,
    checkpoint: Which = None,
    recompile: Recompile = False,
    force: Force = False,
) -> None:
    """Show the attention weights of a run: a page with every head, a figure, or numbers.

    The page needs no internet connection and no other file.
    """
    options = {"--kind": kind, "--layer": layer, "--head": head, "--token": token}
    _refuse_without_figure(figure, options | {"--words": words or None})
    _refuse_together(figure, against, measure, out)
    texts = read_texts(text, input, target, translate, are_needed=not measure)
    output_form(out, MARKDOWN if measure else PAGE, force=force)
    chosen = None
    if figure is not None:
        _check_figure(figure, texts, force)
        chosen = Figure(
            path=figure, kind=kind, layer=layer, heads=_heads(head), token=token, words=words
        )
    runs = _runs([run, *(against or [])], checkpoint, recompile)
    _refuse_targets(runs, texts, translate)
    place = _place(chosen, runs[0], texts[0]) if chosen else None
    _say_notes(runs, texts)
    if measure:
        _measure(runs, texts, out, force)
        return
    found = _observed(runs, texts)
    if chosen and place:
        write_picture(_drawn(chosen, place, found[0][0]), chosen.path, force=force)
    if out is not None:
        _write_page(out, list(zip(*found, strict=True)), force)


def _refuse_without_figure(figure: Path | None, options: Mapping[str, object]) -> None:
    """Raise a UserError for options of a figure where none is asked for."""
    given = [name for name, value in options.items() if value is not None]
    if figure is None and given:
        raise UserError(
            f"{', '.join(given)} without --figure: a page shows every head, and --measure counts "
            "for each",
            help="give --figure FILE.svg, or leave this out",
        )


def _refuse_together(
    figure: Path | None, against: list[Path] | None, measure: bool, out: Path | None
) -> None:
    """Raise a UserError for options that exclude each other, and where none says what to make."""
    if figure is not None and against:
        raise UserError(
            "--figure draws one run, and --against names another",
            help="draw a figure for each run, or see them side by side on a page: --out PAGE.html",
        )
    if measure and figure is not None:
        raise UserError("--measure draws no figure", help="leave --figure or --measure out")
    if not measure and out is None and figure is None:
        raise UserError(
            "nothing is asked for", help="give --out PAGE.html, --figure FILE.svg or --measure"
        )


def _heads(head: str | None) -> list[int]:
    if head is None:
        return []
    parts = [each.strip() for each in head.split(",")]
    if not all(each.isascii() and each.isdecimal() for each in parts):
        raise UserError(
            f"--head: expected numbers with commas between, got {head!r}", help="--head 1,2"
        )
    return [int(each) for each in parts]


def _check_figure(figure: Path, texts: list[Text], force: bool) -> None:
    """Refuse a figure that could not be written, and one of several texts."""
    check_picture(figure, force=force)
    if len(texts) > 1:
        raise UserError(
            f"--figure draws one text, and there are {len(texts)}",
            help="draw a figure for each text, or see all on a page: --out PAGE.html",
        )


def _runs(folders: Sequence[Path], checkpoint: str | None, recompile: bool) -> list["Run"]:
    """Open runs. Raises a UserError for runs of several tasks, and for one without its weights."""
    runs = [open_any_run(each, checkpoint, recompile) for each in folders]
    for each in runs:
        each.used()
    first, *others = (each.package.spec.task for each in runs)
    for run, task in zip(runs[1:], others, strict=True):
        if task != first:
            raise UserError(
                f"{run.folder} has `task: {task}`, and {runs[0].folder} has `task: {first}`: they "
                "read other texts",
                help=f"name a run with `task: {first}`",
            )
    return runs


def _refuse_targets(runs: list["Run"], texts: list[Text], translate: bool) -> None:
    """Raise a UserError for a target where the task of the runs has none."""
    from runtime.attention.reader import Reader

    if translate or any(each.target is not None for each in texts):
        Reader.of(runs[0]).refuse_target("--translate" if translate else "--target")


def _say_notes(runs: list["Run"], texts: list[Text]) -> None:
    """Say which texts are cut and which tokens are unknown. Raises a UserError as `read` does."""
    from runtime.attention.reader import Reader

    for run in runs:
        reader = Reader.of(run)
        prefix = f"{run.folder}: " if len(runs) > 1 else ""
        for each in texts:
            reading = reader.read(each.text, each.target, place=each.place)
            for note in reading.notes:
                report(f"warning: {prefix}{each.place}: {note[0].lower()}{note[1:]}")


def _measure(runs: list["Run"], texts: list[Text], out: Path | None, force: bool) -> None:
    """Print the numbers, or write them as Markdown."""
    from compiler.page.markdown import markdown
    from runtime.attention.report import measured
    from runtime.command.page import print_page

    specs = {run.package.spec.name for run in runs}
    if len(specs) > 1:
        raise UserError(
            f"the runs have different specs: {', '.join(sorted(specs))}",
            help="--measure compares runs of one spec, such as several seeds",
        )
    page = measured(runs, [each.text for each in texts], [each.target for each in texts])
    if out is None:
        print_page(page)
        return
    write_file(out, markdown(page, level=1), force=force)


def _observed(runs: list["Run"], texts: list[Text]) -> list[list["Attention"]]:
    """Return the attention of each run for each text; say which weights it is of, once loaded."""
    from runtime.attention.observe import Observer

    found = []
    for run in runs:
        observer = Observer.of(run)
        report(f"weights{f' of {run.folder}' if len(runs) > 1 else ''}: {observer.checkpoint}")
        pairs = [each.text for each in texts], [each.target for each in texts]
        found.append(list(observer.attentions(*pairs)))
    return found


def _place(figure: Figure, run: "Run", text: Text) -> "AttentionPlace":
    """Return the attention that a figure shows, as the spec of the run has it.

    Raises a UserError for a layer or a head that the network does not have, and for a token that
    the text does not have; a token of the network's own translation is not known yet.
    """
    from runtime.attention.figure import refuse_other_heads, rows_of
    from runtime.attention.layers import STREAMS
    from runtime.attention.reader import Reader

    place = _layer(figure, run)
    refuse_other_heads(place.kind, place.layer, len(place.masks), figure.heads)
    streams = Reader.of(run).read(text.text, text.target, place=text.place).streams
    if queries := streams.get(STREAMS[place.kind][0]):
        rows_of(queries.words if figure.words else queries.tokens, figure.token)
    return place


def _layer(figure: Figure, run: "Run") -> "AttentionPlace":
    """Return the layer of --kind and --layer. Raises a UserError where there is none."""
    from runtime.attention.layers import CROSS, SELF, AttentionPlace, places

    there = [each for each in places(run.package) if isinstance(each, AttentionPlace)]
    if not there:
        raise UserError(
            f"{run.folder} has no attention weights to draw",
            help="a page says what stands in their place: --out PAGE.html",
        )
    wanted = (SELF | {"cross": CROSS})[figure.kind] if figure.kind else there[0].kind
    of_kind = [each for each in there if each.kind == wanted]
    found = [each for each in of_kind if figure.layer in (None, each.layer)]
    if not found:
        layers: dict[str, list[str]] = {}
        for each in there:
            layers.setdefault(each.kind, []).append(f"{each.layer}")
        have = "; ".join(f"{name} {', '.join(numbers)}" for name, numbers in layers.items())
        asked = wanted if figure.layer is None else f"{wanted} in layer {figure.layer}"
        raise UserError(f"{run.folder} has no {asked}", help=f"it has {have}")
    return found[-1]


def _drawn(figure: Figure, place: "AttentionPlace", attention: "Attention") -> str:
    from runtime.attention.figure import draw

    layer = attention.layer(place.kind, place.layer)
    heads = figure.heads or list(range(1, len(place.masks) + 1))
    return draw(attention, layer, heads, token=figure.token, joined=figure.words)


def _write_page(path: Path, texts: list[tuple["Attention", ...]], force: bool) -> None:
    from runtime.attention.page import attention_page

    page = attention_page(texts)
    write_file(path, page, force=force)
    if len(page.encode()) > LARGE:
        tokens = max(len(s.tokens) for each in texts for one in each for s in one.streams.values())
        report(
            f"warning: the page is large: {len(texts)} texts of up to {tokens} tokens; fewer or "
            "shorter texts make a page that opens sooner"
        )
