"""Training as one call: from a generated package to a run that is done."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runtime.checkpoints.checkpoint import Machine
from runtime.checkpoints.progress import Ending
from runtime.data.batches import Batcher
from runtime.data.prepare import Prepared
from runtime.errors import UserError
from runtime.package import Package, load_package
from runtime.run import Run
from runtime.system.atomic_files import explained_disk_errors
from runtime.system.attention_kernels import in_words, recorded_choices
from runtime.system.devices import explained_memory_errors, own_device
from runtime.training.batching import make_batcher
from runtime.training.computation import Computation
from runtime.training.interruption import watched_signals
from runtime.training.log_file import LogFile
from runtime.training.objective import is_compiled
from runtime.training.run_logger import RunLogger, open_run_logger, silent_run_logger
from runtime.training.start_or_resume import (
    Request,
    Start,
    WithSteps,
    alone,
    create_run,
    find_start,
    reopen_run,
)
from runtime.training.trackers import check_trackers, open_trackers
from runtime.training.train_state import TrainState
from runtime.training.trainer import Trainer
from runtime.training.validation import Score
from runtime.training.workers import Workers, joined_workers

LESS_MEMORY = (
    "raise training.accumulate (the update is made in more, smaller parts), set "
    "training.recompute to layer, or lower training.batch_tokens; --resume goes on from the last "
    "checkpoint"
)
"""The advice of the message that a batch does not fit into a GPU."""


NOT_COMPILED = (
    "warning: `training.compile: true` has no effect: on a CPU packed batches are computed "
    "sentence by sentence, for which no program is compiled; `batching: padded` has one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The end of a training. `best_score` is in the spec's `training.validation.metric`."""

    folder: Path
    reason: Ending
    step: int
    epoch: int
    best_step: int | None
    best_score: float | None
    seconds: float


def train(
    package: Path | Package,
    run_folder: Path,
    *,
    cache: Path,
    resume: bool = False,
    device: torch.device | None = None,
    score: Score | None = None,
    with_steps: WithSteps | None = None,
    chosen: Mapping[str, Any] | None = None,
    is_sharded: bool = False,
    trackers: Sequence[str] = (),
    report: Callable[[str], None] = print,
) -> Summary:
    """Trains a generated package, a folder or one that is loaded, in a new run folder.

    `resume` continues the run that is there.
    Prepared text is kept in `cache`. For specs that ask for it, `score` gives the BLEU of greedy
    translations of the validation set. For specs that count epochs, `with_steps` makes the package
    whose training has so many updates. `chosen` are choices of the computation that were made
    elsewhere, as `Computation.record` gives them. With `is_sharded`, each process keeps a share of
    the weights, gradients and optimizer. `trackers` are names of `trackers.py` that show the
    figures. Raises UserError for what the user can mend, and
    Interruption, with everything saved, after Ctrl-C, SIGTERM or SIGHUP. Under `torchrun`, call it
    in every process.
    """
    device = own_device(device)
    with (
        joined_workers(device) as workers,
        explained_disk_errors(run_folder, "try again, or continue with --resume"),
        explained_memory_errors(LESS_MEMORY),
        LogFile(_undisturbed(report)) as log,
        ExitStack() as holds,
    ):
        check_trackers(trackers)
        asked = Request(
            package=load_package(package) if isinstance(package, Path) else package,
            cache=cache,
            report=log if workers.is_first else _say_nothing,
            with_steps=with_steps,
            device=device,
            chosen=chosen or {},
            digests=None,
        )
        _require_score(asked.package, score)
        _require_one_clock(asked.package, workers)
        kind = _sharded(asked, holds) if is_sharded else TrainState
        opened = _open(run_folder, asked, workers, holds, resume=resume)
        holds.enter_context(opened.computation.products(device))
        state = kind(opened.run.package, device, workers, opened.computation)
        if not workers.is_first:
            return _train(opened, state, score, silent_run_logger())
        log.open(opened.run.folder)
        with _run_logger(opened, trackers, log) as logger:
            return _train(opened, state, score, logger)


def _require_score(package: Package, score: Score | None) -> None:
    if package.spec.training.validation.bleu and score is None:
        raise ValueError("validation.bleu is set: expected a function `score`, got None")


def _require_one_clock(package: Package, workers: Workers) -> None:
    """Raise a UserError where several processes would each end by a clock of its own."""
    minutes = package.spec.training.minutes
    if minutes is not None and workers.size > 1:
        raise UserError(
            f"`training.minutes` is {minutes:g}, and of {workers.size} processes each has a clock "
            "of its own",
            help="set training.steps instead, and training.minutes to null",
        )


def _sharded(asked: Request, holds: ExitStack) -> type[TrainState]:
    """Return the state of which each process keeps a share, and join the processes for it.

    Raises a UserError for a training that cannot be sharded.
    """
    from runtime.training import sharded_state, sharding  # which takes a second

    sharding.refuse_what_cannot_be_sharded(asked.package.spec.training)
    holds.enter_context(sharding.group_of_processes(asked.device))
    return sharded_state.ShardedState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A run that is ready to be trained, and how and from where it goes on."""

    run: Run
    prepared: Prepared
    computation: Computation
    start: Start


def _open(
    folder: Path, asked: Request, workers: Workers, holds: ExitStack, *, resume: bool
) -> _Opened:
    """Return the run: the first process begins or reopens it, then the others open it.

    No other command changes it until `holds` ends.
    """
    with workers.first_goes_first() as digests:
        asked = replace(asked, digests=digests.value)
        if not workers.is_first:
            run, prepared = reopen_run(folder, asked, settles=False)
        elif resume:
            run, prepared = _reopen_alone(folder, asked, holds)
        else:
            run, prepared = create_run(folder, asked)
            holds.enter_context(alone(folder, asked.report))
        digests.value = prepared.digests
        computation = Computation.of_record(run.begun, run.package.spec.training, asked.device)
        here = Machine.here(asked.device, workers.size)
        start = find_start(run, computation, here, asked.report)
    return _Opened(run=run, prepared=prepared, computation=computation, start=start)


def _reopen_alone(folder: Path, asked: Request, holds: ExitStack) -> tuple[Run, Prepared]:
    if folder.is_dir():
        holds.enter_context(alone(folder, asked.report))
    return reopen_run(folder, asked, settles=True)


def _train(opened: _Opened, state: TrainState, score: Score | None, logger: RunLogger) -> Summary:
    """Train from the start of a run to its end, or to an `Interruption`."""
    run, prepared, workers = opened.run, opened.prepared, state.workers
    opened.start.apply(state)
    batcher = make_batcher(opened.computation.batching, run.package.spec, prepared, workers.size)
    if run.package.spec.training.compile and not _is_compiled(state):
        logger.report(NOT_COMPILED)
    logger.report(_describe(state, prepared, batcher))
    trainer = Trainer(
        run=run,
        prepared=prepared,
        state=state,
        batcher=batcher,
        progress=opened.start.progress,
        score=score,
        logger=logger,
    )
    with watched_signals(once=workers.size == 1) as watch:
        return _summary(trainer, trainer.train(watch))


def _summary(trainer: Trainer, reason: Ending) -> Summary:
    return Summary(
        folder=trainer.run.folder,
        reason=reason,
        step=trainer.progress.step,
        epoch=trainer.progress.last_epoch,
        best_step=trainer.progress.best_step,
        best_score=trainer.progress.best_score,
        seconds=trainer.progress.seconds,
    )


def _run_logger(
    opened: _Opened, trackers: Sequence[str], report: Callable[[str], None]
) -> AbstractContextManager[RunLogger]:
    """Return the logger of the first process."""
    run, start = opened.run, opened.start
    training = run.package.spec.training
    return open_run_logger(
        run.folder,
        report,
        keep_bytes=start.metrics_bytes,
        step=start.progress.step,
        steps=None if training.minutes is not None else training.updates,
        trackers=open_trackers(trackers, run, start.progress.step, report),
    )


def _describe(state: TrainState, prepared: Prepared, batcher: Batcher) -> str:
    parameters = sum(parameter.numel() for parameter in state.model.parameters())
    train, valid, unit = len(prepared.train), len(prepared.valid), prepared.train.unit
    return (
        f"{parameters:,} parameters, {train:,} training {unit}s, {valid:,} validation {unit}s, "
        f"on {_places(state)}, {state.computation.in_words(batcher)}, "
        f"network {'compiled' if _is_compiled(state) else 'not compiled'}{_savings(state)}"
        f"{', updates as one CUDA graph' if state.update.captured else ''}"
        f"{_attention(state, prepared, batcher)}"
    )


def _is_compiled(state: TrainState) -> bool:
    """Return whether a program computes the network, of which the output layer has its own."""
    return is_compiled(state.package.spec.training, state.computation, state.device)


def _savings(state: TrainState) -> str:
    """Return in words what makes the training take less memory on each device."""
    shares = "; weights, gradients and optimizer in shares, gathered layer by layer (FSDP2)"
    if state.workers.size == 1:
        shares = "; FSDP2 with one process, which keeps all weights (torchrun starts several)"
    recomputed = "; activations of layers recomputed in the backward pass"
    recomputes = state.package.spec.training.recompute == "layer"
    return shares * state.is_sharded + recomputed * recomputes


def _places(state: TrainState) -> str:
    """Return the devices in words: one, or as many of a kind as there are processes."""
    size, device = state.workers.size, state.device
    if size == 1:
        return f"1 x {device}"
    return f"{size} x {device.type} (`batch_tokens` counts the tokens of all of them)"


def _attention(state: TrainState, prepared: Prepared, batcher: Batcher) -> str:
    """Return which kernels compute attention in these batches, in words; empty on a CPU."""
    if state.device.type != "cuda":
        return ""
    shortest = np.argsort(prepared.train.sizes, kind="stable")[:2]
    batch = batcher.share.lay_out(prepared.train.joined(shortest))
    choices = recorded_choices(
        lambda: state.validation_objective.evaluate(batch),
        torch.cuda.get_device_capability(state.device),
        [state.device],
    )
    return f"; {words}" if (words := in_words(choices)) else ""


def _undisturbed(report: Callable[[str], None]) -> Callable[[str], None]:
    """Ignores errors of writing to a terminal that is gone, so that the run is saved."""

    def say(message: str) -> None:
        with suppress(OSError):
            report(message)

    return say


def _say_nothing(_: str) -> None:
    pass
