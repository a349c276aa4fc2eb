"""`specformer import-weights`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.spec.lock import LOCK
from compiler.spec.tasks import TASKS
from compiler.weights.parameters import NamedParameter, named_parameters
from runtime.command.options import Force, Settings
from runtime.command.output import output_form, say_warnings
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.pipeline import CompiledPackage
    from runtime.package import Package
    from runtime.weights.files import Tensors


def import_weights(
    target: Annotated[
        str,
        typer.Argument(
            metavar="SPEC|PACKAGE|RUN", help="Whose network gets the weights: any of the three."
        ),
    ],
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="FILE", help="Tensors: safetensors, or what torch.save wrote."
        ),
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option("--map", metavar="MAP", help="The map of names: docs/import_weights.md."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="OUT", help="The safetensors file to write; with --tokenizer, the run."
        ),
    ] = None,
    tokenizer: Annotated[
        list[Path] | None,
        typer.Option(
            "--tokenizer",
            metavar="FILE",
            help="A sentencepiece model (twice for two vocabularies): OUT becomes a run, "
            "which `translate` and `evaluate` take.",
        ),
    ] = None,
    names: Annotated[
        bool,
        typer.Option("--names", help="Print a map to fill in, and the names in the files if any."),
    ] = False,
    settings: Settings = None,
    force: Force = False,
) -> None:
    """Bring the weights of another model into ours, by a map of names.

    Begin with --names; every mistake of a map is shown at its line.
    """
    compiled = compiled_target(target, settings or [])
    if names:
        print_names(list(named_parameters(compiled.model)), files or [])
        return
    if not files or map is None or out is None:
        raise UserError(
            "--from, --map and --out are needed", help="or --names, which prints a map to fill in"
        )
    with package_folder(Path(target), compiled) as folder:
        if tokenizer:
            write_run(compiled, folder, files, map, tokenizer, out)
        else:
            output_form(out, {".safetensors": "safetensors"}, force=force)
            write_file(compiled, folder, files, map, out)


def compiled_target(target: str, settings: Sequence[str]) -> "CompiledPackage":
    """The model of a spec, or of the spec that a package was compiled from.

    Raises a UserError for changes to a package: it is no spec any more.
    """
    from compiler.pipeline import compile_spec

    lock = find_lock(Path(target))
    if lock is not None and settings:
        raise UserError(f"--set changes a spec, and {target} is compiled already")
    compiled = compile_spec(str(lock or target), settings)
    say_warnings(compiled.warnings)
    return compiled


def find_lock(folder: Path) -> Path | None:
    """Returns the lock of the package in a run, or of a package."""
    places = (folder / "package" / LOCK, folder / LOCK)
    return next((each for each in places if each.is_file()), None)


@contextmanager
def package_folder(target: Path, compiled: "CompiledPackage") -> Iterator[Path]:
    """The package as it lies there; that of a spec is gone afterwards."""
    if lock := find_lock(target):
        yield lock.parent
        return
    with TemporaryDirectory(prefix="specformer-") as temporary:
        folder = Path(temporary, compiled.folder_name)
        compiled.write(folder)
        yield folder


def print_names(parameters: Sequence[NamedParameter], files: Sequence[Path]) -> None:
    """Print a template of a map: the names of the network and of the files' tensors."""
    from compiler.weights.export_map import map_template

    if not files:
        typer.echo(map_template(parameters, {}), nl=False)
        return
    from runtime.weights.files import read_tensors
    from runtime.weights.importing import described

    typer.echo(map_template(parameters, described(read_tensors(files))), nl=False)


def write_file(
    compiled: "CompiledPackage", folder: Path, files: Sequence[Path], map: Path, out: Path
) -> None:
    from runtime.checkpoints.checkpoint import Identity
    from runtime.weights.files import write_tensors

    _, weights = imported(compiled, folder, files, map)
    write_tensors(weights, out, Identity.of(compiled.spec).metadata)
    print_summary(out, weights)


def write_run(
    compiled: "CompiledPackage",
    folder: Path,
    files: Sequence[Path],
    map: Path,
    tokenizer: Sequence[Path],
    out: Path,
) -> None:
    from runtime.run import refuse_existing
    from runtime.weights.run import create_run, read_tokenizers

    refuse_existing(out)
    tokenizers = read_tokenizers(tokenizer, compiled.spec)
    package, weights = imported(compiled, folder, files, map)
    create_run(out, package, weights, tokenizers, files)
    print_summary(out, weights)
    print(f"next: specformer {TASKS[compiled.spec.task].command} {out}")


def imported(
    compiled: "CompiledPackage", folder: Path, files: Sequence[Path], map: Path
) -> tuple["Package", "Tensors"]:
    """The package in a folder, and the weights that its network takes."""
    from runtime.package import load_package
    from runtime.weights.files import read_tensors
    from runtime.weights.importing import check_package, import_weights

    parameters = list(named_parameters(compiled.model))
    weights = import_weights(parameters, read_tensors(files), map)
    package = load_package(folder)
    check_package(package, weights)
    return package, weights


def print_summary(out: Path, weights: "Tensors") -> None:
    count = sum(tensor.numel() for tensor in weights.values())
    print(f"{out}: {len(weights):,} tensors, {count:,} parameters")
