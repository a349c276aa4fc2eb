"""The training loop: updates, validations, checkpoints."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from runtime.checkpoints.background import BackgroundWriter, copied
from runtime.checkpoints.checkpoint import (
    Batching,
    Content,
    Machine,
    Tensors,
    checkpoint_path,
    finish_checkpoint,
    write_checkpoint,
)
from runtime.checkpoints.listing import remove_old_checkpoints
from runtime.checkpoints.progress import (
    Ending,
    Progress,
    after_update,
    after_validation,
    ending,
    is_validation_due,
)
from runtime.data.batches import Batched, Batcher, in_order
from runtime.data.prepare import Prepared
from runtime.run import Run
from runtime.system.file_lock import followed
from runtime.training.interruption import Abandoned, Interruption, SignalWatch
from runtime.training.metrics import TrainFigures, ValidFigures
from runtime.training.run_logger import RunLogger
from runtime.training.running_metrics import RunningMetrics
from runtime.training.train_state import TrainState
from runtime.training.update import EpochOrder, count_labels, count_tokens
from runtime.training.validation import Losses, Score, perplexity, validate

UPDATES_BETWEEN_LINES = 10


class Trainer:
    """Trains a network from where it stands until its spec says stop."""

    def __init__(
        self,
        *,
        run: Run,
        prepared: Prepared,
        state: TrainState,
        batcher: Batcher,
        progress: Progress,
        score: Score | None,
        logger: RunLogger,
    ) -> None:
        """`score` gives the BLEU of the validation set, if the spec asks for it."""
        self.spec = run.package.spec
        self.training = self.spec.training
        self.run, self.state, self.score, self.logger = run, state, score, logger
        self.progress = self.saved = progress
        self.watch = SignalWatch()
        self.place: Callable[[], Path] = lambda: run.folder
        self.writer = BackgroundWriter(lambda: self.watch.is_repeated, logger.report)
        self.prepared = prepared
        self.batching = Batching.of(self.training, state.computation.batching)
        self.examples = Batched(examples=prepared.train, batcher=batcher)
        self.order = EpochOrder(prepared.train, batcher, self.batching.seed)
        self.valid_examples = Batched(examples=prepared.valid, batcher=batcher.share)
        self.valid_batches = in_order(prepared.valid, batcher.share)

    def train(self, watch: SignalWatch) -> Ending:
        """Goes on to the end, or to an `Interruption`."""
        self.watch, watch.is_saving = watch, self.writer.is_writing
        with followed(self.run.folder) as self.place, self.writer:
            return self._train()

    def _train(self) -> Ending:
        while (reason := ending(self.progress, self.training)) is None:
            if self._is_stop_agreed():
                self._stop()
            elif is_validation_due(self.progress, self.training):
                self._validate()
            else:
                self._update()
        if self.state.workers.any(self._is_signalled()):  # it came in the last validation
            self._stop()
        return reason

    def _is_signalled(self) -> bool:
        return self.watch.received is not None

    def _is_stop_agreed(self) -> bool:
        """Tell whether all processes stop here, because one of them received a signal."""
        sharing = self.state.update.sharing
        if self._is_signalled():
            sharing.request_stop()
        return sharing.is_stop_agreed()

    def _update(self) -> None:
        self.writer.check()
        started = time.perf_counter()
        order = self.order.batches(self.progress.epoch)
        step = self.progress.step + 1
        count, longest = self._micro_batches(step), self._longest(step)
        taken = order[self.progress.batch : self.progress.batch + count]
        rate = self._learning_rate(step)
        state, metrics = self.state, self.state.running_metrics
        examples, batches = self.examples.drawn(self.training.seed, self.progress.epoch), taken
        if longest is not None:
            examples, batches = examples.shortened(batches, longest)
        is_growing = longest is not None or count < self.training.accumulate
        update = state.update.plain() if is_growing else state.update
        figures = update(examples, batches, rate)
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
            self.progress, batches=len(order), taken=len(taken), seconds=seconds
        )
        if is_line_due:
            self._record_updates(rate)
        self.logger.advance(step)

    def _micro_batches(self, step: int) -> int:
        """Return how many batches make an update, of which there may be fewer at first."""
        if self.training.batch_warmup is None:
            return self.training.accumulate
        return self.run.package.training_module.micro_batches(step)

    def _longest(self, step: int) -> int | None:
        """Return how many tokens the texts of an update have at most; None where they are whole."""
        if self.training.context_warmup is None:
            return None
        longest = self.run.package.training_module.context(step)
        return longest if longest < self.spec.data.max_length else None

    def _learning_rate(self, step: int) -> float:
        """Return the rate of an update, which may come down with the time that is left."""
        module = self.run.package.training_module
        if self.training.is_scheduled_by_time:
            return module.learning_rate(step, self.progress.share(self.training))
        return module.learning_rate(step)

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
        settings = self.training.validation
        try:
            losses, bleu = self._losses(), self._bleu()
        except Abandoned:
            self._stop()
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

    def _losses(self) -> Losses:
        in_step = self.state.is_sharded
        try:
            return validate(
                self.state.result,
                self.state.validation_objective,
                self.valid_examples,
                self.valid_batches,
                self.state.workers,
                self._is_stop_called_for_all if in_step else self._is_stop_called,
                in_step=in_step,
            )
        finally:
            self.state.finish_passes()

    def _bleu(self) -> float | None:
        state = self.state
        if not self.training.validation.bleu or self.score is None:
            return None
        network = state.whole_result()
        network.eval()
        bleu = self.score(network, self.prepared, state.workers, self._is_stop_called)
        network.train()
        return bleu

    def _is_stop_called(self) -> bool:
        return self.state.workers.is_stop_called(self._is_signalled())

    def _is_stop_called_for_all(self) -> bool:
        """Tell whether a process was asked to stop, the same in all of them, which wait for it."""
        return self.state.workers.any(self._is_signalled())

    def _stop(self) -> NoReturn:
        received = self.watch.received or signal.SIGTERM  # of another process
        self.state.running_metrics.check(self.progress.step)
        if self.progress != self.saved:
            self._save(is_interim=True)
        self.writer.wait()
        raise Interruption(received, step=self.progress.step, folder=self.run.folder)

    def _follow_the_run(self) -> None:
        """Goes on in the new place if the folder of the run was renamed."""
        if (folder := self.place()) != self.run.folder:
            self.logger.report(f"{self.run.folder} was renamed: the run goes on in {folder}")
            self.run = replace(self.run, folder=folder)

    def _save(self, *, is_interim: bool) -> None:
        training_state, weights = self.state.other_tensors(), self.state.weights()
        self.saved = self.progress
        if self.state.is_sharded:
            self._save_shares(weights, training_state, is_interim=is_interim)
        elif self.state.workers.is_first:
            self.writer.wait()  # so that there is one copy of the state at a time
            content = self._content(copied(weights), copied(training_state))
            self._follow_the_run()
            write = partial(self._write, content, is_interim=is_interim)
            self.writer.start(write, f"the checkpoint after update {self.progress.step}")

    def _content(self, weights: Tensors, training_state: Tensors) -> Content:
        return Content(
            identity=self.run.identity,
            progress=self.progress,
            metric=self.training.validation.metric,
            batching=self.batching,
            metrics_bytes=self.logger.sync(),
            machine=Machine.here(self.state.device, self.state.workers.size),
            weights=weights,
            training_state=training_state,
        )

    def _save_shares(self, weights: Tensors, training_state: Tensors, *, is_interim: bool) -> None:
        """Write the shares of this process; the first one writes the rest, while all wait."""
        from runtime.checkpoints.sharded import new_folder_of_all, write_shares

        is_first = self.state.workers.is_first
        if is_first:
            self._follow_the_run()
        parent = self.run.checkpoints
        path = checkpoint_path(parent, self.progress.step, is_interim=is_interim)
        with new_folder_of_all(path, is_first=is_first) as folder:
            write_shares(training_state, folder)
            if is_first:
                finish_checkpoint(folder, self._content(weights, {}))
        if is_first:
            best = self.progress.best_step
            remove_old_checkpoints(parent, keep=self.run.kept, best_step=best)

    def _write(self, content: Content, *, is_interim: bool, is_retry: bool = False) -> None:
        """Write a checkpoint, anew if the folder of the run is renamed before it is complete.

        Where it is being removed, only the second try may find that it is gone.
        """
        run = replace(self.run, folder=self.place())
        path = checkpoint_path(run.checkpoints, content.progress.step, is_interim=is_interim)
        try:
            if not (is_retry and path.exists()):
                write_checkpoint(run.checkpoints, content, is_interim=is_interim)
            best = content.progress.best_step
            remove_old_checkpoints(run.checkpoints, keep=run.kept, best_step=best)
        except FileNotFoundError:
            if self.place() == run.folder:
                if is_retry:
                    raise
                time.sleep(0.5)  # until whoever removes the folder has done so
            self._write(content, is_interim=is_interim, is_retry=True)
