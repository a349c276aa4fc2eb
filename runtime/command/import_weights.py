"""`specformer import-weights`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.weights.parameters import NamedParameter, named_parameters
from compiler.weights.skeleton import skeleton
from runtime.command.options import Force, Settings
from runtime.command.output import check_output, say_warnings
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.pipeline import CompiledPackage


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
        Path | None, typer.Option("--out", metavar="OUT", help="The safetensors file to write.")
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
    parameters = list(named_parameters(compiled.model))
    if names:
        print_names(parameters, files or [])
        return
    if not files or map is None or out is None:
        raise UserError(
            "--from, --map and --out are needed", help="or --names, which prints a map to fill in"
        )
    check_output(out, force=force)
    write_weights(compiled, parameters, files, map, out)


def compiled_target(target: str, settings: Sequence[str]) -> "CompiledPackage":
    """The model of a spec, or of the spec that a package was compiled from.

    Raises a UserError for changes to a package: it is no spec any more.
    """
    from compiler.pipeline import compile_spec

    lock = next((each for each in locks(Path(target)) if each.is_file()), None)
    if lock is not None and settings:
        raise UserError(f"--set changes a spec, and {target} is compiled already")
    compiled = compile_spec(str(lock or target), settings)
    say_warnings(compiled.warnings)
    return compiled


def locks(folder: Path) -> tuple[Path, ...]:
    """Where the spec of a run, or of a package, is."""
    return folder / "package" / "spec.lock.yaml", folder / "spec.lock.yaml"


def print_names(parameters: Sequence[NamedParameter], files: Sequence[Path]) -> None:
    if not files:
        typer.echo(skeleton(parameters, {}), nl=False)
        return
    from runtime.weights.files import read_tensors
    from runtime.weights.importing import described

    typer.echo(skeleton(parameters, described(read_tensors(files))), nl=False)


def write_weights(
    compiled: "CompiledPackage",
    parameters: Sequence[NamedParameter],
    files: Sequence[Path],
    map: Path,
    out: Path,
) -> None:
    from runtime.checkpoints.checkpoint import Identity
    from runtime.weights.files import read_tensors, write_tensors
    from runtime.weights.importing import import_weights

    weights = import_weights(parameters, read_tensors(files), map)
    write_tensors(weights, out, asdict(Identity.of(compiled.spec)))
    count = sum(tensor.numel() for tensor in weights.values())
    print(f"{out}: {len(weights):,} tensors, {count:,} parameters of {compiled.spec.name}")
