"""An export of a run that decodes in its place, kept in the run's folder by what it is made of."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from compiler.export.ctranslate2 import CTRANSLATE2
from compiler.export.targets import require_sayable
from compiler.spec.load import Loaded
from compiler.spec.spec import Spec
from runtime.errors import UserError
from runtime.export.comparison import CLOSE, largest_difference
from runtime.export.ctranslate2.exporter import CTranslate2Exporter, positions_of
from runtime.export.exporter import Options, require_libraries
from runtime.export.folder import RECORD, new_export
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.inference.batch_decoder import longest_read
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.run import Run
from runtime.run_record import version_of
from runtime.system.file_lock import wait_for_lock

EXPORTS = "exports"
"""The folder of a run that holds its exports."""
KEPT = 4
"""The exports that a run keeps: those that were made or used last."""
LENGTHS = (3, 9, 16)
"""The tokens of the texts that an export is compared on; fewer where a network reads fewer."""


class NoPlace(UserError):
    """A run whose folder cannot be written, so that it keeps no export."""


def opened_network(
    run: Run, loaded: Loaded, spec: Spec, *, average: int | None, int8: bool, workers: int
) -> CTranslate2Network:
    """Return the run's network in CTranslate2; it is exported unless the run has this export.

    `spec` has the `decoding:` that is asked for. Raises `Rejected` for a spec that CTranslate2
    does not support, a UserError if it is not installed, or computes something else, and `NoPlace`
    where an export is needed and cannot be kept.
    """
    exporter, options = CTranslate2Exporter(), Options(quantize="int8" if int8 else None)
    require_sayable(CTRANSLATE2, loaded)
    require_libraries(exporter)
    told = _told(run, spec, average, options)
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    folder = run.folder / EXPORTS / f"{exporter.name}-{key}"
    if network := _opened(folder, workers):
        return network
    with _alone_in(folder.parent):
        if network := _opened(folder, workers):  # which another process has written meanwhile
            return network
        asked = replace(run, package=replace(run.package, spec=spec))
        _write(Exportable.of(asked, loaded, average), folder, options, told)
        _remove_old(folder.parent)
        return CTranslate2Network(folder, workers=workers)


def _opened(folder: Path, workers: int) -> CTranslate2Network | None:
    """Return the network of an export, which is the newest from now on.

    None if there is none, or it is damaged.
    """
    if not (folder / RECORD).is_file():
        return None
    try:
        network = CTranslate2Network(folder, workers=workers)
    except (RuntimeError, OSError, ValueError):
        return None
    with suppress(OSError):
        os.utime(folder)
    return network


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time write exports, and remove old ones; the others wait.

    Raises `NoPlace` if the folder cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".probe-"):
            handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise NoPlace(
            f"{folder}, where a run keeps its exports, cannot be written: {error.strerror}",
            help="--engine own needs no export; or copy the run to where you may write",
        ) from error
    try:
        wait_for_lock(handle)
        yield
    finally:
        os.close(handle)
        with suppress(OSError):  # it stays if it has exports
            folder.rmdir()


def _write(exportable: Exportable, folder: Path, options: Options, told: dict[str, object]) -> None:
    """Write an export, compared with the run before it has its name.

    Raises a UserError if it computes something else.
    """
    with new_export(folder, force=True) as unfinished:
        CTranslate2Exporter().write(exportable, unfinished, options)
        difference = _difference(exportable, unfinished)
        if options.quantize is None and not difference <= CLOSE:
            raise UserError(
                f"{CTRANSLATE2.title} does not compute what the network of "
                f"{exportable.run.folder} does: log-probabilities differ by {difference:.2g}",
                help="--engine own decodes; please report this with the spec",
            )
        record = told | {"difference": difference}
        (unfinished / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def _told(run: Run, spec: Spec, average: int | None, options: Options) -> dict[str, object]:
    """Return all that an export depends on."""
    return {
        "model": hashlib.sha256(spec.model.model_dump_json().encode()).hexdigest(),
        "checkpoints": run.weights_digests(average),
        "quantize": options.quantize,
        "positions": positions_of(spec),
        "versions": {name: version_of(name) for name in ("specformer", "ctranslate2")},
    }


def _difference(exportable: Exportable, folder: Path) -> float:
    """Return how far log-probabilities of texts of random tokens are from those of the run."""
    draw, most = torch.Generator().manual_seed(1), longest_read(exportable.spec)
    source, target = exportable.tokenizers
    texts = [
        [torch.randint(4, each.size, (min(n, most),), generator=draw).tolist() for n in LENGTHS]
        for each in (source, target)
    ]
    sources = texts[0] if exportable.spec.model.encoder else None
    own = OwnNetwork.of(exportable).log_probabilities(sources, texts[1])
    exported = CTranslate2Exporter().load(folder, exportable)
    return largest_difference(own, exported.log_probabilities(sources, texts[1]))


def _remove_old(folder: Path) -> None:
    """Remove all exports but those that were made or used last."""
    found = sorted(folder.glob(f"{CTRANSLATE2.name}-*"), key=lambda each: each.stat().st_mtime)
    for each in found[:-KEPT]:
        shutil.rmtree(each, ignore_errors=True)
