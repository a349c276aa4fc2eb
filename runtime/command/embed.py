"""`specformer embed`: the vectors of texts, and the cosines of pairs of them."""

import json
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from runtime.command.lines import Input, answer, numbered_pieces, read_input
from runtime.command.options import (
    Device,
    Force,
    Int8,
    PrecisionChoice,
    Recompile,
    RunFolder,
    Which,
    open_run,
    say_weights,
    translator_settings,
)
from runtime.command.output import output_form, report, write_file
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.inference.embedder import Embedder, Vectors

Form = Literal["tsv", "jsonl", "npy"]
SUFFIXES: dict[str, Form] = {".tsv": "tsv", ".jsonl": "jsonl", ".npy": "npy"}


def embed(
    run: RunFolder,
    input: Input = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write here, not to stdout.")
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="By default that of the name of --out, or else tsv."),
    ] = None,
    similarity: Annotated[
        Path | None,
        typer.Option(
            "--similarity",
            metavar="FILE",
            help="Write the cosine of each line with the same line of this file, no vectors.",
        ),
    ] = None,
    checkpoint: Which = None,
    device: Device = None,
    int8: Int8 = False,
    precision: PrecisionChoice = None,
    recompile: Recompile = False,
    force: Force = False,
) -> None:
    """Turn each line of a file, of standard input, or typed ones, into a vector.

    A line of tsv is the numbers of a vector, with tabs between; one of jsonl an object with `text`
    and `vector`; npy is an array [lines, width] of float32, as `numpy.load` reads it.
    """
    from runtime.inference.embedder import Embedder
    from runtime.inference.load import load_as
    from runtime.system.process import keep_freed_memory

    keep_freed_memory()
    form = output_form(out, SUFFIXES, form, force=force)
    _refuse_form(form, out, similarity)
    opened = open_run(run, "embed", checkpoint, recompile)
    embedder = load_as(Embedder, opened, **translator_settings(device, int8, 1, precision))
    say_weights(opened)
    if form == "npy" and out is not None:
        write_file(out, _as_npy(embedder, read_input(input)), force=force)
        return
    if similarity is not None:
        others = read_input(similarity)
        compare = partial(_cosines, embedder, others, similarity)
        at_end = partial(_refuse_more, others, similarity)
        answer(compare, input, out, force=force, at_end=at_end)
        return
    answer(partial(_lines, embedder, form), input, out, force=force)


def _refuse_form(form: Form, out: Path | None, similarity: Path | None) -> None:
    """Raise a UserError for a form that does not hold what is asked for."""
    if similarity is not None and form != "tsv":
        raise UserError(f"--similarity writes a number a line, no {form}", help="write tsv")
    if form == "npy" and out is None:
        raise UserError("npy is for a file: standard output holds text", help="add --out FILE.npy")


def _lines(embedder: "Embedder", form: Form, lines: list[str], number: int) -> Iterator[str]:
    """Yield the vector of each line as a line of tsv or jsonl."""
    vectors = embedder.embed_lines(lines, first_line=number, report=report)
    for line, vector in zip(lines, vectors, strict=True):
        numbers = [float(f"{each:.9g}") for each in vector.tolist()]
        if form == "jsonl":
            yield json.dumps({"text": line, "vector": numbers}, ensure_ascii=False) + "\n"
        else:
            yield "\t".join(map(repr, numbers)) + "\n"


def _refuse_more(others: Iterator[str], path: Path) -> None:
    """Raise a UserError if there is a line without a partner."""
    if next(others, None) is not None:
        raise UserError(
            f"{path} has more lines than the text that it is compared with",
            help="both need as many lines",
        )


def _as_npy(embedder: "Embedder", lines: Iterator[str]) -> bytes:
    """Return the file of the vectors of all lines."""
    import numpy as np

    pieces: list[Vectors] = [np.zeros((0, embedder.width), dtype=np.float32)]
    for number, piece in numbered_pieces(lines):
        pieces.append(embedder.embed_lines(piece, first_line=number, report=report))
    file = BytesIO()
    np.save(file, np.concatenate(pieces))
    return file.getvalue()


def _cosines(
    embedder: "Embedder", others: Iterator[str], path: Path, lines: list[str], number: int
) -> Iterator[str]:
    """Yield the cosine of each line with the next of `others`, which come from `path`."""
    import numpy as np

    partners = [each for _, each in zip(lines, others, strict=False)]
    if len(partners) < len(lines):
        raise UserError(
            f"{path} has no line {number + len(partners)}, which a text is to be compared with",
            help="both need as many lines",
        )
    one, other = (
        embedder.embed_lines(side, first_line=number, report=report) for side in (lines, partners)
    )
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    for cosine in (one * other).sum(axis=1) / np.maximum(lengths, 1e-12):
        yield f"{cosine:.6f}\n"
