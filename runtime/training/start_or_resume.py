"""Start a training in a new run, or resume one after the last good checkpoint of its run."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from compiler.spec.training import Training
from runtime.checkpoints.checkpoint import MODEL as MODEL_WEIGHTS
from runtime.checkpoints.checkpoint import (
    Batching,
    BatchKind,
    Checkpoint,
    Machine,
    Record,
    check_shapes,
)
from runtime.checkpoints.listing import last_good_checkpoint, list_checkpoints
from runtime.checkpoints.progress import Progress, with_other_batches
from runtime.data.prepare import TOKENIZERS, Digests, Prepared, entry_name, file_digests, prepare
from runtime.errors import UserError
from runtime.package import MODEL, TRAINING, Package, is_same_code
from runtime.run import Beginning, Run, refuse_existing
from runtime.run_record import PACKAGE, listed
from runtime.system.atomic_files import remove_unfinished
from runtime.system.file_lock import has_locks, held
from runtime.system.process import resuming
from runtime.training.computation import Computation
from runtime.training.packed_check import settled
from runtime.training.train_state import TrainState
from runtime.training.update import updates_of

Report = Callable[[str], None]
WithSteps = Callable[[Package, int], Package]
"""Makes of a package the one whose training has so many updates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A training that is asked for, in a new run or in one that is there."""

    package: Package
    cache: Path
    """The folder of prepared text."""
    report: Report
    with_steps: WithSteps | None
    device: torch.device
    chosen: Mapping[str, Any]
    """Choices of its computation that were made elsewhere, as `Computation` records them."""
    digests: Digests | None
    """The digests of the text, if another process has read all of it already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The place where a training begins: after a checkpoint or, if it is None, at update 0."""

    progress: Progress
    metrics_bytes: int
    checkpoint: Checkpoint | None

    def apply(self, state: TrainState) -> None:
        """Brings a new state there."""
        if self.checkpoint is not None:
            check_shapes(self.checkpoint.folder / MODEL_WEIGHTS, state.model)
            state.load(*state.read(self.checkpoint), self.progress.step)


@contextmanager
def alone(run: Path, report: Report) -> Iterator[None]:
    """Lets one process at a time change a run. Raises a UserError for another."""
    with held(run) as is_ours:
        if not has_locks(run):
            report(f"the file system of {run} has no locks: make sure that only one process trains")
        if not is_ours:
            raise UserError(
                f"another process trains {run} at this moment", help="wait for its end, or stop it"
            )
        yield


def create_run(folder: Path, asked: Request) -> tuple[Run, Prepared]:
    """A new run; that the folder is free is known before any text is read."""
    refuse_existing(folder, can_resume=True)
    package = asked.package
    prepared = prepare(package.spec, asked.cache, report=asked.report, digests=asked.digests)
    computation = Computation.of_record(asked.chosen, package.spec.training, asked.device)
    computation = settled(computation, package, prepared.train, asked.device, asked.report)
    package = counted(prepared, computation, asked)
    return Run.create(folder, package, prepared, Beginning(origin=computation.record())), prepared


def counted(prepared: Prepared, computation: Computation, asked: Request) -> Package:
    """The package with `training.steps`, where the spec gives epochs of the text.

    Raises ValueError where another package is needed and `with_steps` is None.
    """
    package, training = asked.package, asked.package.spec.training
    if training.epochs is None:
        return package
    updates = updates_of(package.spec, prepared, computation.batching)
    epochs = (
        "1 epoch of this text is"
        if training.epochs == 1
        else f"{training.epochs:,} epochs of this text are"
    )
    asked.report(f"{epochs} {updates:,} update{'s' if updates != 1 else ''}")
    if training.steps is not None and training.steps <= updates:
        return package
    if asked.with_steps is None:
        raise ValueError("training.epochs is set: expected a function `with_steps`, got None")
    return asked.with_steps(package, updates)


def reopen_run(folder: Path, asked: Request, *, settles: bool) -> tuple[Run, Prepared]:
    """The run that is there, with the recipe of the package: it may be a longer one.

    `asked.chosen` counts where its record does not say how it computes, as that of a former
    version. One process `settles` whether packed batches can be trained with; others find that in
    the record.
    """
    package, report = asked.package, asked.report
    if package.folder.resolve() == (folder / PACKAGE).resolve():
        Run.accept_edits(folder, package)
    # Before other settings are adopted: a run of a former version computes as its own spec says.
    run = with_computation(Run.open(folder), asked)
    old, new = run.package.spec, package.spec
    run.check_spec(new)
    prepared = prepare_again(run, asked)
    computation = Computation.of_record(run.begun, new.training, asked.device)
    if settles:
        computation = settled(computation, run.package, prepared.train, asked.device, report)
    package = counted(prepared, computation, asked)
    new = package.spec
    is_other_network = not is_same_code(run.package.files[MODEL], package.files[MODEL])
    if old == new:
        refuse_other_recipe(run, package)
    run = run if old == new else run.adopt(package)
    if not computation.is_recorded(run.begun):
        say_changes(run, computation, report)
        run.amend(computation.record_after(run.begun, last_update(run)))
    if is_other_network:
        report(f"the run goes on with the code of its own network: another {MODEL} was given")
    if old == new:
        return run, prepared
    changed = [part for part in type(new).model_fields if getattr(old, part) != getattr(new, part)]
    report(f"the run goes on with other settings: {', '.join(f'`{part}`' for part in changed)}")
    return run, prepared


def say_changes(run: Run, computation: Computation, report: Report) -> None:
    """Report what is computed otherwise than before the pause."""
    changes = computation.changes(run.begun)
    if changes:
        report(f"from here on the run computes otherwise: {', '.join(changes)}")


def last_update(run: Run) -> int:
    """Return the update of the newest checkpoint; 0 if there is none."""
    found = list_checkpoints(run.checkpoints)
    return found[-1].step if found else 0


def with_computation(run: Run, asked: Request) -> Run:
    """Write how the run computes into its record, where that does not say so yet."""
    begun, training = run.begun, run.package.spec.training
    computation = Computation.of_record({**asked.chosen, **begun}, training, asked.device)
    if not computation.is_recorded(begun):
        run.amend(computation.record())
    return run


def prepare_again(run: Run, asked: Request) -> Prepared:
    """The text that a run was begun with, in the tokens of its own tokenizers.

    Raises a UserError if the text is another.
    """
    spec, cache, report = asked.package.spec, asked.cache, asked.report
    given, digests = run.given_tokenizers, asked.digests or file_digests(spec)
    run.check_data(entry_name(spec, digests, given))
    prepared = prepare(spec, cache, report=report, tokenizers=given, digests=digests)
    if "prepared" not in run.begun:
        run.amend({"prepared": prepared.entry, "text": listed(prepared.digests)})
    if run.has_tokenizers(prepared.folder / TOKENIZERS):
        return prepared
    own = run.folder / TOKENIZERS
    report(f"that text has other tokens than the run: it is prepared with the tokenizers in {own}")
    return prepare(spec, cache, report=report, tokenizers=own, digests=digests)


def refuse_other_recipe(run: Run, package: Package) -> None:
    """Raise a UserError if a package of the same spec has another training.py.

    The run keeps its own; other comments, as of another version, are accepted.
    """
    if not is_same_code(run.package.files[TRAINING], package.files[TRAINING]):
        own = run.package.folder
        raise UserError(
            f"{own / TRAINING} is not the {TRAINING} that was given, and their spec is the same: "
            "one was edited by hand, or written by another version of specformer",
            help=f"`{resuming(run.folder)}` goes on with the run's own; to change it, edit it "
            "there",
        )


def find_start(run: Run, computation: Computation, here: Machine, report: Report) -> Start:
    """After the last good checkpoint, if there is one."""
    remove_unfinished(run.checkpoints)
    found = last_good_checkpoint(run.checkpoints, run.identity, report)
    if found is None and run.given_tokenizers is not None:
        raise UserError(
            f"{run.folder} has lost the weights that it was to begin with",
            help="`specformer transfer` makes it anew, with --force in the same place",
        )
    if found is None:
        return Start(progress=Progress(), metrics_bytes=0, checkpoint=None)
    checkpoint, record = found
    report(f"continuing after update {record.state.step}, from {checkpoint.folder}")
    if changes := here.differences(record.machine):
        report(f"not the same to the bit as without the pause: other {', '.join(changes)}")
    elif here.device == "cuda":
        report(
            "not the same to the bit as without the pause: a GPU adds up the gradients of "
            "attention in an order that changes"
        )
    is_other = record.batching != Batching.of(run.package.spec.training, computation.batching)
    if is_other and record.state.batch:
        report(f"with other batches than before the pause epoch {record.state.epoch} begins anew")
    return Start(
        progress=continued_progress(record, run.package.spec.training, computation.batching),
        metrics_bytes=record.metrics_bytes,
        checkpoint=checkpoint,
    )


def continued_progress(record: Record, training: Training, batching: BatchKind) -> Progress:
    """Returns the progress of a record, without what means nothing under the settings of now.

    With other batches the epoch begins anew; with another metric no score is the best yet.
    """
    progress = record.state
    if record.batching != Batching.of(training, batching):
        progress = with_other_batches(progress, training)
    if record.metric != training.validation.metric:
        progress = replace(progress, best_step=None, best_score=None, looks_without_better=0)
    return progress
