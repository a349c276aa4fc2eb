"""`specformer import`."""

import os
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.spec.tasks import TASKS
from runtime.command.output import report, say_warnings
from runtime.errors import UserError
from runtime.system.process import ended_by_signals

if TYPE_CHECKING:
    from compiler.weights.imported_spec import Understood
    from runtime.published.folder import Folder
    from runtime.published.model import Import

MOST_CLASSES = 2**20


def import_(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="config.json, safetensors and a tokenizer, as `save_pretrained` of transformers "
            "writes them.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="The run's folder.  [default: runs/NAME]"),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="TASK",
            help="What the model is for, where its files do not say so: they have no head, or "
            "several.",
        ),
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option(
            "--classes", metavar="N", min=2, max=MOST_CLASSES, help="Labels of a new classifier."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="LANGUAGE",
            help="The language that is read, for models of several: eng_Latn for NLLB.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="LANGUAGE", help="The language that is written."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be used, and what refused; write nothing."),
    ] = False,
) -> None:
    """Make a spec and a run of a published model: BERT, GPT-2, Llama, T5 and others.

    Where `transformers` is installed, the run is compared with its network before it exists.
    """
    from runtime.published.model import Import

    check_task(task)
    languages = {"source": source, "target": target}
    found = Import.of(folder, out, task, classes, languages)
    if dry_run and found.read is not None:
        print_keys(found.read)
    found.check()
    say_warnings(found.compiled.warnings)
    print_found(found)
    if dry_run:
        return
    warn_of_memory(found.folder)
    with ended_by_signals():
        comparison = found.create()
    if comparison is None:
        report("not compared: transformers is not installed (pip install transformers)")
    else:
        print(f"compared  {comparison}")
    print(f"the run:  {found.out}")
    print(f"next:     specformer {TASKS[found.understood.task].command} {found.out}")


def check_task(task: str | None) -> None:
    """Refuse a word that is no task."""
    if task is not None and task not in TASKS:
        raise UserError(f"there is no task {task}", help=f"tasks are {', '.join(TASKS)}")


def print_keys(understood: "Understood") -> None:
    """Print what becomes of each key of config.json."""
    for key, settings in understood.used.items():
        print(f"used      {key}" + (f" -> {settings}" if settings else ""))
    if understood.without_effect:
        print(f"no effect {', '.join(understood.without_effect)}")


def print_found(found: "Import") -> None:
    """Print what the folder is, and what becomes of its vocabulary and its tensors."""
    count = sum(prod(each.shape) for each in found.parameters)
    own, task = found.understood, found.understood.task.replace("_", " ")
    print(f"{found.folder.name}: {own.config.model_type}, {task}, {count:,} parameters")
    print(f"used      {len(own.used)} keys, {len(own.without_effect)} without effect")
    print(f"rows      {', '.join(_rows(found))}")
    if found.other_ends:
        print(f"ends      {', '.join(found.other_ends)} end texts, too")
    if found.unused:
        print(f"unused    {', '.join(found.unused)}, of a head for another task")
    if found.new:
        print(f"new       {', '.join(found.new)}")


def _rows(found: "Import") -> Iterator[str]:
    from compiler.vocabulary.foreign import SYMBOLS

    rows = found.rows
    yield f"{len(rows):,}"
    for name, their in zip(SYMBOLS, rows.theirs[: rows.symbols], strict=False):
        yield f"their vocabulary has no {name}" if their is None else f"{name} is their {their}"


def warn_of_memory(folder: "Folder") -> None:
    """Say where the weights in float32 take more than half of the memory."""
    needed = 4 * sum(tensor.numel() for tensor in folder.tensors.values())
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there / 2:
        gigabytes = f"{needed / 1e9:.1f} GB of {there / 1e9:.1f}"
        report(f"the weights take {gigabytes} of memory in float32, and the comparison as much")
