"""`specformer explain`: a model, part by part, or the code of an error."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from compiler.format import engineering, of_bytes
from compiler.source.diagnostic import did_you_mean
from compiler.source.report import pages
from compiler.spec.base import MOST_TOKENS
from compiler.spec.library import locate
from runtime.command.options import Settings
from runtime.errors import UserError
from runtime.system.terminal import Console

if TYPE_CHECKING:
    from compiler.explain import Explanation


def explain_spec(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC|CODE", help="A spec, or the code of an error.")
    ],
    settings: Settings = None,
    ir: Annotated[bool, typer.Option("--ir", help="print the intermediate representation")] = False,
    length: Annotated[int, typer.Option(min=1, max=MOST_TOKENS, help="tokens of a sentence")] = 32,
    form: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Explain a model, part by part: shapes, parameters, operations, reach; or an error's CODE."""
    if locate(spec) is None and explain_code(spec):
        return
    from compiler.explain import explain
    from compiler.ir.dump import dump
    from compiler.pipeline import compile_spec

    package = compile_spec(spec, settings or ())
    if ir:
        typer.echo(dump(package.model))
        return
    explanation = explain(package, length)
    if form == "json":
        typer.echo(json.dumps(asdict(explanation), indent=2))
    else:
        _print(explanation)


def explain_code(word: str) -> bool:
    """Prints the page of an error, if the word is its code; raises a UserError if it nearly is."""
    if word in pages():
        typer.echo(f"{word}\n\n{pages()[word]}")
        return True
    if question := did_you_mean(word, pages()):
        raise UserError(f"there is no spec or code {word}", help=question)
    return False


def _print(explanation: "Explanation") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("part", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("FLOPs/token", justify="right", no_wrap=True)
    table.add_column("reads", no_wrap=True)
    group = ""
    for row in explanation.rows:
        above, _, part = row.part.rpartition(".")
        if above and above != group:
            table.add_row(f"{above} x {row.times}" if row.times > 1 else above)
        group = above
        table.add_row(
            f"  {part}" if above else part,
            escape(row.shape.replace("batch, ", "")),
            f"{row.parameters:,}",
            engineering(row.flops_per_token),
            escape(row.dependence),
        )
    console = Console()
    console.print(table)
    console.print()
    console.print(_readings(explanation))
    console.print()
    for line in _totals(explanation):
        console.print(line, highlight=False, markup=False)


def _readings(explanation: "Explanation") -> Table:
    """The columns of Table 1 of the paper, and how far each layer sees."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("place", "a layer", "sequential", "path", "sees", "mask"):
        table.add_column(column, no_wrap=column != "mask", overflow="fold")
    for each in explanation.readings:
        seen = ", ".join(str(positions) for positions in dict.fromkeys(each.fields))
        table.add_row(
            each.place,
            f"O({each.complexity})",
            f"O({each.sequential})",
            each.path,
            f"{seen} of {each.length}",
            escape(each.mask),
        )
    return table


def _totals(explanation: "Explanation") -> list[str]:
    rows = {
        "parameters": f"{explanation.parameters:,}",
        "FLOPs per token": f"{engineering(explanation.flops_per_token)} forward, "
        f"in sentences of {explanation.length} tokens",
        "FLOPs per update": f"{engineering(explanation.flops_per_update)} forward and backward, "
        f"{explanation.batch_tokens:,} tokens",
        "memory": f"{of_bytes(explanation.memory_bytes)}: weights, gradients, "
        "optimizer, a micro-batch",
        "activations": f"{of_bytes(explanation.activation_bytes)} a token, "
        "kept for the backward pass",
        "cache": explanation.cache or "none",
        f"{explanation.stream} reach": f"{explanation.dependence}: the offsets that an output "
        "depends on",
    }
    return [f"{name:<18}{value}" for name, value in rows.items()]
