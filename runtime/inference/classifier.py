"""From texts to their labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self, overload

import torch
from torch import nn

from compiler.spec.spec import Spec
from runtime.data.prepare import TOKENIZERS
from runtime.data.symbols import BEGIN, END
from runtime.data.tasks.classification import read_labels
from runtime.data.tasks.task import longest_between_symbols
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.inference.batch_decoder import length_batches, padded
from runtime.inference.calls import Report, refuse_several, report_cuts, texts_of
from runtime.inference.network import EncoderPredictor, check_logits, located
from runtime.run import Run
from runtime.training.precision import autocast_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label and the probability that the network gives it."""

    name: str
    probability: float


class Classifier(EncoderPredictor):
    """A network with its tokenizer and the names of its classes."""

    def __init__(
        self, model: nn.Module, tokenizer: Tokenizer, labels: Sequence[str], spec: Spec
    ) -> None:
        """Use a network that is in evaluation mode."""
        super().__init__(model, tokenizer, spec)
        self.labels = labels

    @classmethod
    def of_run(cls, run: Run, model: nn.Module, spec: Spec, workers: int) -> Self:
        """Makes a classifier of a network, the tokenizer of its run and the labels beside it."""
        refuse_several(workers)
        return cls(model, run.tokenizers()[0], read_labels(run.folder / TOKENIZERS), spec)

    @overload
    def classify(  # type: ignore[overload-overlap]
        self, lines: str, *, n_best: None = None, report: Report = None
    ) -> str: ...

    @overload
    def classify(
        self, lines: Iterable[str], *, n_best: None = None, report: Report = None
    ) -> list[str]: ...

    @overload
    def classify(
        self, lines: str | Iterable[str], *, n_best: int, report: Report = None
    ) -> list[Any]: ...

    def classify(
        self, lines: str | Iterable[str], *, n_best: int | None = None, report: Report = None
    ) -> str | list[Any]:
        """The likeliest label of a line, or the list of those of several.

        With `n_best` each line gives a list of `Label`, the likeliest first.
        """
        found = self.classify_n_best(
            texts_of(lines), 1 if n_best is None else n_best, report=report
        )
        results = [each if n_best is not None else each[0].name for each in found]
        return results[0] if isinstance(lines, str) else results

    @torch.inference_mode()
    def classify_n_best(
        self,
        lines: Sequence[str],
        n_best: int,
        *,
        first_line: int = 1,
        report: Report = None,
    ) -> list[list[Label]]:
        """For each line at most `n_best` labels, the likeliest first.

        `report` gets a warning, with the line counted from `first_line`, for each that is cut.
        Raises a UserError that names the line for which the network's numbers overflow.
        """
        rows = self._encode(lines, first_line, report)
        results: list[list[Label]] = [[] for _ in rows]
        for batch in length_batches([len(row) for row in rows]):
            read = padded([rows[row] for row in batch]).to(self.device)
            with located([first_line + row for row in batch]):
                with autocast_of(self.model):
                    logits = self.model.project(self.features(read)).float()
                check_logits(logits)
            shares = logits.softmax(dim=-1)
            best = shares.topk(min(n_best, len(self.labels)))
            found = zip(batch, best.values.tolist(), best.indices.tolist(), strict=True)
            for row, probabilities, numbers in found:
                results[row] = [
                    Label(name=self.labels[number], probability=probability)
                    for number, probability in zip(numbers, probabilities, strict=True)
                ]
        return results

    def _encode(self, lines: Sequence[str], first_line: int, report: Report) -> list[list[int]]:
        longest = longest_between_symbols(self.spec)
        encoded = self.tokenizer.encode_lines(lines)
        report_cuts(encoded, longest, first_line, report)
        return [[BEGIN, *tokens[:longest], END] for tokens in encoded]
