"""The training loop: updates, validations, checkpoints."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from runtime.checkpoints.checkpoint import Batching, Content, Machine, write_checkpoint
from runtime.checkpoints.listing import remove_old_checkpoints
from runtime.checkpoints.progress import (
    Ending,
    Progress,
    after_update,
    after_validation,
    ending,
    is_validation_due,
)
from runtime.data.batches import Batched, in_order
from runtime.data.prepare import Prepared
from runtime.run import Run
from runtime.system.file_lock import followed
from runtime.training.batching import make_batcher
from runtime.training.interruption import Interruption, SignalWatch
from runtime.training.metrics import TrainFigures, ValidFigures
from runtime.training.run_logger import RunLogger
from runtime.training.running_metrics import RunningMetrics
from runtime.training.train_state import TrainState
from runtime.training.update import EpochOrder, count_labels, count_tokens
from runtime.training.validation import perplexity, validate

UPDATES_BETWEEN_LINES = 10

Score = Callable[[nn.Module, Prepared], float]


class Trainer:
    """Trains a network from where it stands until its spec says stop."""

    def __init__(
        self,
        *,
        run: Run,
        prepared: Prepared,
        state: TrainState,
        progress: Progress,
        score: Score | None,
        logger: RunLogger,
    ) -> None:
        """`score` translates the validation set and gives its BLEU, if the spec asks for it."""
        self.spec = run.package.spec
        self.training = self.spec.training
        self.run, self.state, self.score, self.logger = run, state, score, logger
        self.progress = self.saved = progress
        self.place: Callable[[], Path] = lambda: run.folder
        self.prepared = prepared
        self.batching = Batching.of(self.training, state.computation.batching)
        batcher = make_batcher(
            self.batching.kind,
            prepared,
            tokens=self.batching.tokens,
            parts=state.workers.size if self.training.accumulate < state.workers.size else 1,
        )
        self.examples = Batched(examples=prepared.train, batcher=batcher)
        self.order = EpochOrder(prepared.train, batcher, self.batching.seed)
        self.valid_examples = Batched(examples=prepared.valid, batcher=batcher.share)
        self.valid_batches = in_order(prepared.valid, batcher.share)

    def train(self, watch: SignalWatch) -> Ending:
        """Goes on to the end, or to an `Interruption`."""
        with followed(self.run.folder) as self.place:
            return self._train(watch)

    def _train(self, watch: SignalWatch) -> Ending:
        while (reason := ending(self.progress, self.training)) is None:
            if self._is_stop_agreed(watch):
                self._stop(watch.received or signal.SIGTERM)
            elif is_validation_due(self.progress, self.training):
                self._validate()
            else:
                self._update()
        if self.state.workers.any(watch.received is not None):  # it came in the last validation
            self._stop(watch.received or signal.SIGTERM)
        return reason

    def _is_stop_agreed(self, watch: SignalWatch) -> bool:
        """Tell whether all processes stop here, because one of them received a signal."""
        sharing = self.state.update.sharing
        if watch.received is not None:
            sharing.request_stop()
        return sharing.is_stop_agreed()

    def _update(self) -> None:
        started = time.perf_counter()
        order = self.order.batches(self.progress.epoch)
        batches = order[self.progress.batch : self.progress.batch + self.training.accumulate]
        step = self.progress.step + 1
        rate = self.run.package.training_module.learning_rate(step)
        state, metrics = self.state, self.state.running_metrics
        examples = self.examples.drawn(self.training.seed, self.progress.epoch)
        figures = state.update(examples, batches, rate)
        if state.average is not None:
            state.average.follow(state.model, step)
        labels, tokens = count_labels(examples, batches), count_tokens(examples, batches)
        metrics.add(figures, labels=labels, tokens=tokens)
        is_line_due = step == 1 or step % UPDATES_BETWEEN_LINES == 0
        if is_line_due:
            metrics.check(step)
        seconds = time.perf_counter() - started
        metrics.spend(seconds)
        self.progress = after_update(
            self.progress, batches=len(order), taken=len(batches), seconds=seconds
        )
        if is_line_due:
            self._record_updates(rate)
        self.logger.advance(step)

    def _record_updates(self, learning_rate: float) -> None:
        means = self.state.running_metrics.means()
        self.state.running_metrics = RunningMetrics()
        self.logger.record_updates(
            TrainFigures(
                step=self.progress.step,
                epoch=self.progress.last_epoch,
                loss=means.loss,
                nll=means.nll,
                perplexity=perplexity(means.nll),
                learning_rate=learning_rate,
                gradient_norm=means.gradient_norm,
                tokens_per_second=means.tokens_per_second,
                seconds=self.progress.seconds,
            )
        )

    def _validate(self) -> None:
        started = time.perf_counter()
        self.state.running_metrics.check(self.progress.step)
        state, settings = self.state, self.training.validation
        losses = validate(
            state.result,
            state.validation_objective,
            self.valid_examples,
            self.valid_batches,
            state.workers,
        )
        bleu = self._bleu()
        measured = {"loss": losses.loss, "accuracy": losses.accuracy, "bleu": bleu}
        score = measured[settings.metric]
        assert score is not None, "the spec's check lets no metric pass that is not measured"
        seconds = time.perf_counter() - started
        self.progress = after_validation(self.progress, score, settings, seconds=seconds)
        self.logger.record_validation(
            ValidFigures(
                step=self.progress.step,
                epoch=self.progress.last_epoch,
                loss=losses.loss,
                nll=losses.nll,
                perplexity=perplexity(losses.nll),
                accuracy=losses.accuracy,
                bleu=bleu,
                is_best=self.progress.best_step == self.progress.step,
                seconds=self.progress.seconds,
            )
        )
        self._save(is_interim=False)

    def _bleu(self) -> float | None:
        """The first process translates for all."""
        if not self.training.validation.bleu or self.score is None:
            return None
        bleu = torch.zeros(1, dtype=torch.float64)
        if self.state.workers.is_first:
            self.state.result.eval()
            bleu[0] = self.score(self.state.result, self.prepared)
            self.state.result.train()
        self.state.workers.add_up(bleu)
        return bleu.item()

    def _stop(self, received: signal.Signals) -> None:
        self.state.running_metrics.check(self.progress.step)
        if self.progress != self.saved:
            self._save(is_interim=True)
        raise Interruption(received, step=self.progress.step, folder=self.run.folder)

    def _follow_the_run(self) -> None:
        """Goes on in the new place if the folder of the run was renamed."""
        if (folder := self.place()) != self.run.folder:
            self.logger.report(f"{self.run.folder} was renamed: the run goes on in {folder}")
            self.run = replace(self.run, folder=folder)

    def _save(self, *, is_interim: bool) -> None:
        training_state = self.state.other_tensors()
        self.saved = self.progress
        if not self.state.workers.is_first:
            return
        content = Content(
            identity=self.run.identity,
            progress=self.progress,
            metric=self.training.validation.metric,
            batching=self.batching,
            metrics_bytes=self.logger.sync(),
            machine=Machine.here(self.state.device, self.state.workers.size),
            weights=self.state.weights(),
            training_state=training_state,
        )
        self._follow_the_run()
        write_checkpoint(self.run.checkpoints, content, is_interim=is_interim)
        remove_old_checkpoints(
            self.run.checkpoints, keep=self.run.kept, best_step=self.progress.best_step
        )
