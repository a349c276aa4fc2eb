"""`specformer explain`: a model, part by part, or the code of an error."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from compiler.format import engineering, of_bytes
from compiler.page.model import Document, Section, Table, columns
from compiler.source.diagnostic import did_you_mean
from compiler.source.report import FORMER_CODES, pages
from compiler.spec.base import MOST_TOKENS
from compiler.spec.library import locate
from runtime.command.options import Settings
from runtime.command.page import print_page
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.explain import Explanation


MOST_GPUS = 65_536


def explain_spec(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC|CODE", help="A spec, or the code of an error.")
    ],
    settings: Settings = None,
    ir: Annotated[bool, typer.Option("--ir", help="print the intermediate representation")] = False,
    length: Annotated[int, typer.Option(min=1, max=MOST_TOKENS, help="tokens of a sentence")] = 32,
    shard: Annotated[
        int,
        typer.Option(
            min=1, max=MOST_GPUS, metavar="N", help="GPUs that share the weights (train --shard)"
        ),
    ] = 1,
    form: Annotated[Literal["text", "markdown", "json", "html"], typer.Option("--format")] = "text",
) -> None:
    """Explain a model, part by part: shapes, parameters, operations, reach; or an error's CODE."""
    if locate(spec) is None and explain_code(spec):
        return
    from compiler.explain import explain
    from compiler.export.report import reasons
    from compiler.export.targets import TARGETS
    from compiler.ir.dump import dump
    from compiler.pipeline import compile_spec

    package = compile_spec(spec, settings or ())
    if shard > 1 and (refusal := package.spec.training.not_sharded):
        reason, help = refusal
        raise UserError(f"--shard: {reason}", help=help)
    if ir:
        typer.echo(dump(package.model))
        return
    explanation = explain(package, length, shard)
    exports = reasons(package.loaded, list(TARGETS.values()))
    if form == "json":
        typer.echo(json.dumps(asdict(explanation) | {"exports": exports}, indent=2))
    else:
        print_page(page_of(explanation, exports), form)


def explain_code(word: str) -> bool:
    """Print the page of an error, if the word is its code; raises a UserError if it nearly is."""
    word = FORMER_CODES.get(word, word)
    if word in pages():
        typer.echo(f"{word}\n\n{pages()[word]}")
        return True
    if question := did_you_mean(word, pages()):
        raise UserError(f"there is no spec or code {word}", help=question)
    return False


def page_of(explanation: "Explanation", exports: Mapping[str, Sequence[str]]) -> Document:
    """Return the page of a model: its parts, what each layer reads, the totals, and the formats.

    `exports` are the reasons for which formats of other programs do not support it, by their
    options.
    """
    tables = (
        _parts(explanation),
        _readings(explanation),
        _totals(explanation),
        memory_table(explanation),
        _exports(exports),
    )
    sections = tuple(Section(parts=(table,)) for table in tables if table.rows)
    return Document(sections=sections)


def _parts(explanation: "Explanation") -> Table:
    rows: list[tuple[str, ...]] = []
    group = ""
    for row in explanation.rows:
        above, _, part = row.part.rpartition(".")
        if above and above != group:
            rows.append((f"{above} x {row.times}" if row.times > 1 else above, "", "", "", ""))
        group = above
        rows.append(
            (
                f"  {part}" if above else part,
                row.shape.replace("batch, ", ""),
                f"{row.parameters:,}",
                engineering(row.flops_per_token),
                row.dependence,
            )
        )
    numbers = ("parameters", "FLOPs/token")
    heads = columns(("part", "result", *numbers, "reads"), right=numbers)
    return Table(columns=heads, rows=tuple(rows))


def _readings(explanation: "Explanation") -> Table:
    """Return the columns of Table 1 of Vaswani et al. 2017, and how far each layer sees."""
    rows = (
        (
            each.place,
            f"O({each.complexity})",
            f"O({each.sequential})",
            each.path,
            f"{', '.join(str(n) for n in dict.fromkeys(each.fields))} of {each.length}",
            each.mask,
        )
        for each in explanation.readings
    )
    heads = columns(("place", "a layer", "sequential", "path", "sees", "mask"))
    return Table(columns=heads, rows=tuple(rows))


def _totals(explanation: "Explanation") -> Table:
    rows = {
        "parameters": f"{explanation.parameters:,}",
        "FLOPs per token": f"{engineering(explanation.flops_per_token)} forward, "
        f"in sentences of {explanation.length} tokens",
        "FLOPs per update": f"{engineering(explanation.flops_per_update)} forward and backward, "
        f"{explanation.batch_tokens:,} tokens",
        "memory": f"{of_bytes(explanation.memory_bytes)}{_each(explanation)} for an update: "
        "below, in parts",
        "activations": f"{of_bytes(explanation.activation_bytes)} a token, "
        "kept for the backward pass",
        "cache": explanation.cache or "none",
        f"{explanation.stream} reach": f"{explanation.dependence}: the offsets that an output "
        "depends on",
        **_negatives(explanation),
        "packed batches": _packed(explanation),
    }
    return Table(columns=columns(("", "")), rows=tuple(rows.items()))


def _exports(exports: Mapping[str, Sequence[str]]) -> Table:
    """Return whether each format of other programs supports the spec, and if not why."""
    rows = tuple(
        (
            option.removeprefix("--to "),
            f"unsupported: it {'; it '.join(why)}" if why else "supported",
        )
        for option, why in exports.items()
    )
    return Table(columns=columns(("export --to", "")), rows=rows)


def _negatives(explanation: "Explanation") -> dict[str, str]:
    """Return what an embedding model tells the target of a source from; nothing of others."""
    if explanation.negatives is None:
        return {}
    where = "micro-batch" if explanation.gpus == 1 else "part of a micro-batch"
    count = f"{explanation.negatives:,} for a source"
    return {"negatives": f"{count}: the targets of the other pairs of its {where}"}


def _packed(explanation: "Explanation") -> str:
    """Return whether a GPU trains on sentences one after the other, and if not why."""
    if explanation.not_packed is None:
        return "yes: a GPU with bfloat16 trains on sentences without padding"
    return f"no: {explanation.not_packed}"


def _each(explanation: "Explanation") -> str:
    return f" on each of {explanation.gpus:,} GPUs" if explanation.gpus > 1 else ""


def memory_table(explanation: "Explanation") -> Table:
    """Return the parts of the memory of an update, with and without recomputation of layers."""
    parts = {
        "weights": "weights",
        "gradients": "gradients",
        "optimizer": "optimizer",
        "average": "moving average",
        "gathered": "weights gathered from others",
        "gathered_gradients": "gradients of gathered weights",
        "activations": "activations of a micro-batch",
        "logits": "logits and their gradients",
        "together": "together",
    }
    kinds = list(explanation.memory.values())
    rows = tuple(
        (words, *(of_bytes(each) for each in sizes))
        for name, words in parts.items()
        if any(sizes := [getattr(each, name) for each in kinds])
    )
    heads = [f"recompute: {kind}" for kind in explanation.memory]
    return Table(columns=columns((f"memory{_each(explanation)}", *heads), right=heads), rows=rows)
