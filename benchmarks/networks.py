"""The networks that engines are given, as files in a folder that lasts as long as they."""

import argparse
from pathlib import Path

from safetensors.torch import save_file

from benchmarks.architecture import Architecture
from benchmarks.command import TEST, text_folder
from benchmarks.engines.engine import Network
from benchmarks.engines.weights import write_seeded_weights
from compiler.pipeline import CompiledPackage
from compiler.spec.spec import Spec
from runtime.errors import UserError


def seeded_network(
    compiled: CompiledPackage, part: str, options: argparse.Namespace, folder: Path
) -> Network:
    """A package with seeded weights, and a part (TRAIN or TEST) of the text."""
    package, weights = folder / "package", folder / "weights.safetensors"
    compiled.write(package)
    write_seeded_weights(package, weights)
    pairs = text_folder(compiled.spec, options, folder) / part
    return _network(package, weights, pairs, compiled.spec, options)


def trained_network(folder_of_run: Path, options: argparse.Namespace, folder: Path) -> Network:
    """The network of a run, and the test set of the text that it was trained for."""
    # Here, since random weights on random text need none of it.
    from runtime.data.prepare import entry_of
    from runtime.run import Run

    if options.random_text:
        raise UserError("--run translates the text of its run: leave --random-text out")
    run = Run.open(folder_of_run)
    spec = run.package.spec
    if options.data:
        data = spec.data.model_copy(update={"folder": options.data})
        spec = spec.model_copy(update={"data": data})
    text = text_folder(spec, options, folder)
    run.check_data(entry_of(text))
    weights = folder / "trained.safetensors"
    save_file(run.load_model().state_dict(), weights)
    return _network(run.package.folder, weights, text / TEST, spec, options)


def _network(
    package: Path, weights: Path, pairs: Path, spec: Spec, options: argparse.Namespace
) -> Network:
    return Network(
        package=package,
        weights=weights,
        pairs=pairs,
        architecture=Architecture.of(spec),
        device=options.device,
    )
