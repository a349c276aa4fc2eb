"""The execution of a row: it is checked against its lock, trained, scored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import torch

from compiler.spec.lock import LOCK, load_lock
from compiler.spec.tasks import TASKS
from runtime.ablation.agreement import agreed
from runtime.ablation.consistency import data_hash, lock
from runtime.ablation.record import (
    FAILURE,
    PACKAGE,
    QUEUE,
    RESULT,
    RUN,
    Locked,
    Queue,
    Result,
    read_record,
    write_record,
)
from runtime.checkpoints.choice import BEST
from runtime.errors import UserError
from runtime.package import Package, import_package, read_package
from runtime.run import Run
from runtime.scoring.evaluate import evaluate_run
from runtime.scoring.losses import losses_of, split_examples
from runtime.scoring.measures import Split
from runtime.scoring.translations import greedy_bleu
from runtime.system.atomic_files import explained_disk_errors
from runtime.system.devices import own_device
from runtime.system.process import is_first_process, keep_freed_memory
from runtime.training.metrics import read_figures
from runtime.training.train import Summary, train
from runtime.training.validation import perplexity


def execute(folder: Path, cache: Path, device: str | None) -> None:
    """Trains the row in `folder`, or goes on with it, and writes its result.

    Raises UserError, and Interruption with everything saved.
    """
    keep_freed_memory()
    run = folder / RUN
    package = require_locked(folder)
    place = own_device(torch.device(device) if device else None)
    summary = train(
        package,
        run,
        cache=cache,
        resume=run.exists(),
        device=place,
        chosen=agreed(folder.parents[1], place),
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
    """Return what the queue says of the row in a folder."""
    queue = read_record(folder.parents[1] / QUEUE, Queue)
    found = [each.locked for each in queue.queued if each.name == folder.name]
    if not found:
        raise UserError(f"{folder.parents[1] / QUEUE} has no row {folder.name}")
    return found[0]


def _say(message: str) -> None:
    print(message, flush=True)


SPLITS: tuple[Split, ...] = ("valid", "test")
"""The texts that the columns of a table are scores of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Scores by column, and how those that have a signature were computed."""

    scores: dict[str, float]
    signatures: dict[str, str] = field(default_factory=dict)


def result_of(run: Run, summary: Summary, device: str | None) -> Result:
    """Scores the run on both splits by its spec's protocol."""
    require_checkpoints(run)
    parts = [_of_training(run, summary)]
    for split in (each for each in SPLITS if each in run.package.spec.data.corpora):
        parts += [_of_losses(run, split, device), _of_task(run, split, device)]
    return Result(
        scores={name: value for part in parts for name, value in part.scores.items()},
        signatures={name: text for part in parts for name, text in part.signatures.items()},
        versions=run.versions,
    )


def require_checkpoints(run: Run) -> None:
    """Raise a UserError unless all are there whose weights are averaged."""
    used = {each.step for each in run.averaged(None)}  # raises a UserError without the best one
    evaluation = run.package.spec.evaluation
    if evaluation.checkpoint == BEST:
        return
    looks = sorted({each["step"] for each in read_figures(run.folder, "valid")})
    wanted = looks[-evaluation.average_last :]
    missing = set(wanted) - used
    if missing:
        raise UserError(
            f"{run.checkpoints} has {len(wanted) - len(missing)} of the {len(wanted)} checkpoints "
            "that are averaged",
            help=f"bring them back; or remove {run.folder}, and the row is trained anew",
        )


def _of_training(run: Run, summary: Summary) -> Scored:
    lines = list(read_figures(run.folder, "train"))
    return Scored(
        scores={
            "train_steps": summary.step,
            "train_loss": lines[-1]["loss"],
            "tokens_per_second": median(each["tokens_per_second"] for each in lines),
            "minutes": summary.seconds / 60,
        }
    )


def _of_losses(run: Run, split: Split, device: str | None) -> Scored:
    with split_examples(run, split) as examples:
        losses = losses_of(run, split, examples, None, device)
    return Scored(
        scores={
            f"{split}_loss": losses.nll,
            f"{split}_ppl": perplexity(losses.nll),
            f"{split}_accuracy": losses.accuracy,
        }
    )


def _of_task(run: Run, split: Split, device: str | None) -> Scored:
    """Return the scores beside the losses; translations and labels stay in the run."""
    own = TASKS[run.package.spec.task].scores_beside_losses
    if not own:
        return Scored(scores={})
    evaluated = evaluate_run(run, split, device=device)
    evaluated.write(run.folder)
    found = {f"{split}_{each.name}": each for each in evaluated.measures if each.name in own}
    return Scored(
        scores={name: each.value for name, each in found.items()},
        signatures={name: each.protocol for name, each in found.items()},
    )
