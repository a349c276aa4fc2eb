"""`specformer attend`: where a trained network looks, as a page, a figure or numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runtime.command.lines import read_input
from runtime.command.options import (
    Force,
    Recompile,
    RunFolder,
    Which,
    open_any_run,
    say_weights,
)
from runtime.command.output import PAGE, output_form, report, write_file
from runtime.command.pictures import check_picture, write_picture
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.attention.attention import Attention
    from runtime.run import Run

MOST_LAYERS = 10_000
LARGE = 2_000_000
"""Bytes of a page that is said to be large."""
MARKDOWN = {".md": "markdown", ".markdown": "markdown"}
Kind = Literal["encoder", "decoder", "cross"]


def attend(
    run: RunFolder,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="TEXT", help="A text to read; may be given several times."),
    ] = None,
    input: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="Texts, one a line.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="TEXT", help="The target of each --text, in order."),
    ] = None,
    translate: Annotated[
        bool,
        typer.Option(
            "--translate",
            help="Let the network make the target, which it does without --target anyway.",
        ),
    ] = False,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against", metavar="RUN", help="Another run beside the first; several may be given."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The page to write; of --measure, Markdown."),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Numbers in the place of pictures: what each head reads, and on the demo corpus, "
            "whether one finds antecedents and verbs.",
        ),
    ] = False,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure",
            metavar="FILE",
            help="A figure of the first text: .svg; .pdf and .png with the extra `report`.",
        ),
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option("--kind", help="Whose attention the figure shows.  [default: the first]"),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(
            "--layer",
            metavar="N",
            min=1,
            max=MOST_LAYERS,
            help="The layer of the figure.  [default: the last]",
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="1,2", help="Heads of the figure.  [default: all]"),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="Lines of this token alone, as it reads."),
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="The figure joins subwords to words.")
    ] = False,
    checkpoint: Which = None,
    recompile: Recompile = False,
    force: Force = False,
) -> None:
    """Show the attention weights of a run: a page with every head, a figure, or numbers.

    The page needs no internet connection and no other file.
    """
    of_figure = {
        "--kind": kind is not None,
        "--layer": layer is not None,
        "--head": head is not None,
        "--token": token is not None,
        "--words": words,
    }
    _check_figure(figure, [name for name, given in of_figure.items() if given], against)
    output_form(out, MARKDOWN if measure else PAGE, force=force)
    runs = [run, *(against or [])]
    if measure:
        if figure is not None:
            raise UserError("--measure draws no figure", help="leave --figure or --measure out")
        has_texts = text is not None or input is not None
        if not has_texts and (target or translate):
            raise UserError(
                "a target belongs to a text, and none is given", help="give one by --text"
            )
        given = _texts(text, input, target, translate) if has_texts else ([], [])
        _measure([open_any_run(each, checkpoint, recompile) for each in runs], given, out, force)
        return
    if out is None and figure is None:
        raise UserError(
            "nothing is asked for", help="give --out PAGE.html, --figure FILE.svg or --measure"
        )
    if figure is not None:
        check_picture(figure, force=force)
    texts, targets = _texts(text, input, target, translate)
    from runtime.attention.observe import observed

    found = []
    for folder in runs:
        opened = open_any_run(folder, checkpoint, recompile)
        say_weights(opened)
        found.append(list(observed(opened, texts, targets)))
    if figure is not None:
        drawn = _figure(found[0][0], kind, layer, head, token, words)
        write_picture(drawn, figure, force=force)
    if out is not None:
        _write_page(out, list(zip(*found, strict=True)), force)


def _check_figure(figure: Path | None, given: list[str], against: list[Path] | None) -> None:
    """Raise a UserError for options of a figure without one, and for a figure of several runs."""
    if figure is None and given:
        raise UserError(
            f"{', '.join(given)} without --figure: a page shows every head, and --measure counts "
            "for each",
            help="give --figure FILE.svg, or leave this out",
        )
    if figure is not None and against:
        raise UserError(
            "--figure draws one run, and --against names another",
            help="draw a figure for each run, or see them side by side on a page: --out PAGE.html",
        )


def _measure(
    runs: list["Run"],
    given: tuple[list[str], list[str | None]],
    out: Path | None,
    force: bool,
) -> None:
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
    page = measured(runs, *given)
    if out is None:
        print_page(page)
        return
    write_file(out, markdown(page, level=1), force=force)


def _texts(
    text: list[str] | None, input: Path | None, target: list[str] | None, translate: bool
) -> tuple[list[str], list[str | None]]:
    """Return the texts and a target for each, or None. Raises a UserError where they do not fit."""
    if (text is None) == (input is None):
        raise UserError("give texts by --text, or a file of them by --input", help="one of both")
    if target and translate:
        raise UserError("--target gives what --translate makes", help="give one of them")
    texts = text or list(read_input(input))
    if not texts:
        raise UserError(f"{input} has no line", help="give a file with a text")
    if target and len(target) != len(texts):
        raise UserError(
            f"there are {len(texts)} texts and {len(target)} targets",
            help="give --target as often as --text",
        )
    return texts, [*target] if target else [None] * len(texts)


def _figure(
    attention: "Attention",
    kind: Kind | None,
    layer: int | None,
    head: str | None,
    token: str | None,
    words: bool,
) -> str:
    from runtime.attention.figure import draw
    from runtime.attention.layers import CROSS, SELF

    if not attention.layers:
        raise UserError(f"{attention.spec} has no attention weights to draw")
    wanted = (SELF | {"cross": CROSS})[kind] if kind else attention.layers[0].kind
    there = [each for each in attention.layers if each.kind == wanted]
    found = [each for each in there if layer in (None, each.layer)]
    if not found:
        have = ", ".join(f"{each.kind} {each.layer}" for each in attention.layers)
        place = wanted if layer is None else f"{wanted} in layer {layer}"
        raise UserError(f"{attention.spec} has no {place}", help=f"it has {have}")
    chosen = found[-1]
    heads = _heads(head) or list(range(1, len(chosen.weights) + 1))
    return draw(attention, chosen, heads, token=token, joined=words)


def _heads(head: str | None) -> list[int]:
    parts = [each.strip() for each in head.split(",")] if head else []
    if not all(each.isascii() and each.isdecimal() for each in parts):
        raise UserError(f"--head {head}: expected numbers with commas between", help="--head 1,2")
    return [int(each) for each in parts]


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
