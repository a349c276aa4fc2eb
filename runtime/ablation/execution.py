"""What a row does: it is checked against its lock, trained, scored."""

from collections.abc import Mapping
from pathlib import Path

import torch

from compiler.spec.lock import LOCK, load_lock
from runtime.ablation.files import FAILURE, PACKAGE, QUEUE, RESULT, RUN, read_record, write_record
from runtime.ablation.locks import data_hash, lock
from runtime.ablation.record import Locked, Queue
from runtime.ablation.scores import result_of
from runtime.errors import UserError
from runtime.package import Package, import_package, read_package
from runtime.run import Run
from runtime.scoring.translations import greedy_bleu
from runtime.system.atomic_files import explained_disk_errors
from runtime.system.process import is_first_process, keep_freed_memory
from runtime.training.train import train


def execute(folder: Path, cache: Path, device: str | None) -> None:
    """Trains the row in `folder`, or goes on with it, and writes its result.

    Raises UserError, and Interruption with everything saved.
    """
    keep_freed_memory()
    run = folder / RUN
    package = require_locked(folder)
    summary = train(
        package,
        run,
        cache=cache,
        resume=run.exists(),
        device=torch.device(device) if device else None,
        score=greedy_bleu(package.spec),
        report=_say,
    )
    if not is_first_process():
        return
    require_locked(folder)  # the files may have changed during the training
    with explained_disk_errors(folder):
        write_record(folder / RESULT, result_of(Run.open(run), summary, device))
    (folder / FAILURE).unlink(missing_ok=True)


def require_locked(folder: Path) -> Package:
    """The row's package. Raises a UserError if code, spec or text are not what was queued."""
    queued = queued_lock(folder)
    files = _locked_files(folder / PACKAGE, queued)
    if (folder / RUN / PACKAGE).exists():
        _locked_files(folder / RUN / PACKAGE, queued)
    package = import_package(folder / PACKAGE, files)
    if data_hash(package.spec) != queued.data:
        raise _not_as_queued(folder, "data")
    return package


def _locked_files(place: Path, queued: Locked) -> Mapping[str, bytes]:
    """The files of a package, checked against the queued lock before any of them runs."""
    files = read_package(place)
    found = lock(load_lock(place / LOCK, files[LOCK]).spec, files, queued.data)
    for part in ("spec", "code"):
        if getattr(found, part) != getattr(queued, part):
            raise _not_as_queued(place, part)
    return files


def _not_as_queued(place: Path, part: str) -> UserError:
    if part == "data":
        return UserError(
            "the text has changed since the row was queued",
            help="bring the old files back, or queue the ablation anew with another --out",
        )
    return UserError(
        f"{place} was edited since it was queued: its {part} is another",
        help="bring the old files back; an edit belongs into the ablation's file, as a row",
    )


def queued_lock(folder: Path) -> Locked:
    """What the queue says of the row in a folder."""
    queue = read_record(folder.parents[1] / QUEUE, Queue)
    found = [each.locked for each in queue.queued if each.name == folder.name]
    if not found:
        raise UserError(f"{folder.parents[1] / QUEUE} has no row {folder.name}")
    return found[0]


def _say(message: str) -> None:
    print(message, flush=True)
