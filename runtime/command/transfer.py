"""`specformer transfer`."""

import os
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.atomic_files import beside, put_folder
from compiler.spec.kinds_of_files import RUN_RECORD
from runtime.command.import_weights import compiled_target, package_folder
from runtime.command.options import RunFolder, Settings, Which
from runtime.command.output import report
from runtime.errors import UserError
from runtime.system.process import resuming

if TYPE_CHECKING:
    from compiler.weights.transfer import Transfer
    from runtime.weights.transfer import Giver


def transfer(
    run: RunFolder,
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC|PACKAGE", help="What the new run trains."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="The new run's folder.")],
    settings: Settings = None,
    checkpoint: Which = None,
    cache: Annotated[
        Path, typer.Option("--cache", metavar="FOLDER", help="Where prepared text is kept.")
    ] = Path("data/prepared"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace the run that is there, with all it has.")
    ] = False,
) -> None:
    """Begin a run of another spec with the weights of RUN, as far as they fit.

    The rest begins as the spec says. The tokenizers are those of RUN.
    """
    from compiler.weights.transfer import transfer as find_transfer
    from runtime.run import Run
    from runtime.weights.transfer import Giver, check_vocabulary

    giver = Giver.of(Run.open(run, checkpoint))
    check_place(out, run, force=force)
    old, new = compiled_target(str(run), []), compiled_target(spec, settings or [])
    check_vocabulary(giver.run, new.spec)
    found = find_transfer(old.model, new.model)
    if not found.moves:
        raise UserError(
            f"no tensor of {run} fits into {new.spec.name}, and no slice of one",
            help=f"`specformer diff {run} {spec}` shows how they differ",
        )
    with package_folder(Path(spec), new) as folder:
        write_run(folder, out, cache, giver, found)
    print_summary(out, giver, found)


def check_place(out: Path, run: Path, *, force: bool) -> None:
    """Refuse a place where no new run can be written."""
    from runtime.run import refuse_existing

    if not force:
        refuse_existing(out)
    elif out.exists() and not (out / RUN_RECORD).is_file():
        raise UserError(f"{out} is no run: it will not be replaced", help="choose another folder")
    elif out.exists() and out.samefile(run):
        raise UserError(f"{out} is the run that gives the weights", help="choose another folder")


def write_run(folder: Path, out: Path, cache: Path, giver: "Giver", found: "Transfer") -> None:
    """All that can go wrong goes wrong before an old run is replaced."""
    from runtime.data.prepare import TOKENIZERS, prepare
    from runtime.package import load_package
    from runtime.training.start_or_resume import alone
    from runtime.weights.importing import check_package
    from runtime.weights.transfer import create_run, transferred_weights

    package = load_package(folder)
    weights = transferred_weights(package, giver, found)
    check_package(package, weights)
    tokenizers = giver.run.folder / TOKENIZERS
    prepared = prepare(package.spec, cache, report=report, tokenizers=tokenizers)
    with alone(out, report) if out.exists() else nullcontext():
        target = Path(os.path.realpath(out))
        new = beside(target)
        create_run(new, package, prepared, weights, giver.origin(found))
        if replaced := put_folder(new, target):
            shutil.rmtree(replaced, ignore_errors=True)


def print_summary(out: Path, giver: "Giver", found: "Transfer") -> None:
    from compiler.weights.names import name_ranges

    share = found.taken / found.parameters
    of = f"{giver.run.folder}: {giver.weights}"
    print(f"{out}: {found.parameters:,} parameters")
    print(f"taken: {found.taken:,} ({share:.1%}) from {of}")
    print(f"new:   {found.parameters - found.taken:,} ({1 - share:.1%}), as the spec begins")
    for name in name_ranges(each.name for each in found.new):
        print(f"       {name}")
    print(f"next:  {resuming(out)}")
