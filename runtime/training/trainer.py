"""The training loop: updates, looks at the validation set, checkpoints."""

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
    State,
    after_look,
    after_update,
    ending,
    is_look_due,
)
from runtime.data.batches import in_order
from runtime.data.prepare import Prepared
from runtime.run import Run
from runtime.system.file_lock import followed
from runtime.training.interruption import Interruption, SignalWatch
from runtime.training.metrics import TrainFigures, ValidFigures
from runtime.training.run_logger import Journal
from runtime.training.running_metrics import Window
from runtime.training.train_state import Learner
from runtime.training.update import Order, count_labels, count_tokens
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
        learner: Learner,
        state: State,
        score: Score | None,
        journal: Journal,
    ) -> None:
        """`score` translates the validation set and gives its BLEU, if the spec asks for it."""
        self.spec = run.package.spec
        self.training = self.spec.training
        self.run, self.learner, self.score, self.journal = run, learner, score, journal
        self.state = self.saved = state
        self.place: Callable[[], Path] = lambda: run.folder
        self.prepared = prepared
        self.batching = Batching.of(self.training)
        self.order = Order(prepared.train, self.batching)
        self.valid_batches = in_order(prepared.valid, self.batching.tokens)

    def train(self, watch: SignalWatch) -> Ending:
        """Goes on to the end, or to an `Interruption`."""
        with followed(self.run.folder) as self.place:
            return self._train(watch)

    def _train(self, watch: SignalWatch) -> Ending:
        while (reason := ending(self.state, self.training)) is None:
            if self.learner.workers.any(watch.received is not None):
                self._stop(watch.received or signal.SIGTERM)
            elif is_look_due(self.state, self.training):
                self._look()
            else:
                self._update()
        if self.learner.workers.any(watch.received is not None):  # it came in the last look
            self._stop(watch.received or signal.SIGTERM)
        return reason

    def _update(self) -> None:
        started = time.perf_counter()
        order = self.order.batches(self.state.epoch)
        batches = order[self.state.batch : self.state.batch + self.training.accumulate]
        step = self.state.step + 1
        rate = self.run.package.training_module.learning_rate(step)
        learner, window = self.learner, self.learner.window
        examples = self.prepared.train.drawn(self.training.seed, self.state.epoch)
        figures = learner.update(examples, batches, rate)
        if learner.average is not None:
            learner.average.follow(learner.model, step)
        labels, tokens = count_labels(examples, batches), count_tokens(examples, batches)
        window.add(figures, labels=labels, tokens=tokens)
        is_line_due = step == 1 or step % UPDATES_BETWEEN_LINES == 0
        if is_line_due:
            window.check(step)
        seconds = time.perf_counter() - started
        window.spend(seconds)
        self.state = after_update(
            self.state, batches=len(order), taken=len(batches), seconds=seconds
        )
        if is_line_due:
            self._record_updates(rate)
        self.journal.advance(step)

    def _record_updates(self, learning_rate: float) -> None:
        means = self.learner.window.means()
        self.learner.window = Window()
        self.journal.record_updates(
            TrainFigures(
                step=self.state.step,
                epoch=self.state.last_epoch,
                loss=means.loss,
                nll=means.nll,
                perplexity=perplexity(means.nll),
                learning_rate=learning_rate,
                gradient_norm=means.gradient_norm,
                tokens_per_second=means.tokens_per_second,
                seconds=self.state.seconds,
            )
        )

    def _look(self) -> None:
        started = time.perf_counter()
        self.learner.window.check(self.state.step)
        learner, settings = self.learner, self.training.validation
        losses = validate(
            learner.result,
            learner.validation_objective,
            self.prepared.valid,
            self.valid_batches,
            learner.workers,
        )
        bleu = self._bleu()
        measured = {"loss": losses.loss, "accuracy": losses.accuracy, "bleu": bleu}
        score = measured[settings.metric]
        assert score is not None, "the spec's check lets no metric pass that is not measured"
        seconds = time.perf_counter() - started
        self.state = after_look(self.state, score, settings, seconds=seconds)
        self.journal.record_look(
            ValidFigures(
                step=self.state.step,
                epoch=self.state.last_epoch,
                loss=losses.loss,
                nll=losses.nll,
                perplexity=perplexity(losses.nll),
                accuracy=losses.accuracy,
                bleu=bleu,
                is_best=self.state.best_step == self.state.step,
                seconds=self.state.seconds,
            )
        )
        self._save(is_interim=False)

    def _bleu(self) -> float | None:
        """The first process translates for all."""
        if not self.training.validation.bleu or self.score is None:
            return None
        bleu = torch.zeros(1, dtype=torch.float64)
        if self.learner.workers.is_first:
            self.learner.result.eval()
            bleu[0] = self.score(self.learner.result, self.prepared)
            self.learner.result.train()
        self.learner.workers.add_up(bleu)
        return bleu.item()

    def _stop(self, received: signal.Signals) -> None:
        self.learner.window.check(self.state.step)
        if self.state != self.saved:
            self._save(is_interim=True)
        raise Interruption(received, step=self.state.step, folder=self.run.folder)

    def _follow_the_run(self) -> None:
        """Goes on in the new place if the folder of the run was renamed."""
        if (folder := self.place()) != self.run.folder:
            self.journal.report(f"{self.run.folder} was renamed: the run goes on in {folder}")
            self.run = replace(self.run, folder=folder)

    def _save(self, *, is_interim: bool) -> None:
        training_state = self.learner.training_state()
        self.saved = self.state
        if not self.learner.workers.is_first:
            return
        content = Content(
            identity=self.run.identity,
            state=self.state,
            metric=self.training.validation.metric,
            batching=self.batching,
            metrics_bytes=self.journal.sync(),
            machine=Machine.here(self.learner.device, self.learner.workers.size),
            weights=self.learner.weights(),
            training_state=training_state,
        )
        self._follow_the_run()
        write_checkpoint(self.run.checkpoints, content, is_interim=is_interim)
        remove_old_checkpoints(
            self.run.checkpoints, keep=self.run.kept, best_step=self.state.best_step
        )
