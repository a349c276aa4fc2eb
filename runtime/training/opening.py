"""How a training begins: a new run, or an old one and the place in it where to go on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.spec.training import Training
from runtime.checkpoints.checkpoint import Batching, Checkpoint, Machine, Record, load_checkpoint
from runtime.checkpoints.listing import last_good_checkpoint
from runtime.checkpoints.state import State
from runtime.data.prepare import Prepared, load_prepared, prepare
from runtime.durable import remove_unfinished
from runtime.package import Package
from runtime.run import Run, refuse_existing
from runtime.training.learner import Learner

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a training begins; without a checkpoint, at the beginning."""

    state: State
    metrics_bytes: int
    checkpoint: Checkpoint | None

    def apply(self, learner: Learner) -> None:
        """Brings a new learner there."""
        if self.checkpoint is not None:
            tensors = load_checkpoint(self.checkpoint, learner.device)
            learner.load(*tensors, self.state.step)


def create_run(folder: Path, package: Package, cache: Path, report: Report) -> tuple[Run, Prepared]:
    """A new run; that the folder is free is known before any text is read."""
    refuse_existing(folder)
    prepared = prepare(package.spec, cache, report=report)
    return Run.create(folder, package, prepared), prepared


def reopen_run(folder: Path, package: Package, cache: Path, report: Report) -> tuple[Run, Prepared]:
    """The run that is there, with the recipe of the package: it may be a longer one."""
    run = Run.open(folder)
    prepared = prepare(run.package.spec, cache, report=report, tokenizers=run.given_tokenizers)
    run.check_data(prepared)
    old, new = run.package.spec, package.spec
    if old == new:
        return run, prepared
    adopted = run.adopt(package)
    changed = [part for part in type(new).model_fields if getattr(old, part) != getattr(new, part)]
    report(f"the run goes on with other settings: {', '.join(f'`{part}`' for part in changed)}")
    return adopted, load_prepared(adopted.package.spec, prepared.folder)


def find_start(run: Run, here: Machine, report: Report) -> Start:
    """After the last good checkpoint, if there is one."""
    remove_unfinished(run.checkpoints)
    found = last_good_checkpoint(run.checkpoints, run.identity, report)
    if found is None:
        return Start(state=State(), metrics_bytes=0, checkpoint=None)
    checkpoint, record = found
    report(f"continuing after update {record.state.step}, from {checkpoint.folder}")
    if changes := here.differences(record.machine):
        report(f"not the same to the bit as without the pause: other {', '.join(changes)}")
    return Start(
        state=continued_state(record, run.package.spec.training),
        metrics_bytes=record.metrics_bytes,
        checkpoint=checkpoint,
    )


def continued_state(record: Record, training: Training) -> State:
    """Where the record stands, without what means nothing under the settings of now.

    With other batches the epoch begins anew; with another metric no look has been the best yet.
    """
    state = record.state
    if record.batching != Batching.of(training):
        state = replace(state, batch=0)
    if record.metric != training.validation.metric:
        state = replace(state, best_step=None, best_score=None, looks_without_better=0)
    return state
