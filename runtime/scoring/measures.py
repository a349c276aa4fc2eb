"""The texts that a network is scored on, and scores, each with the protocol that explains it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from compiler.spec.spec import Spec
from runtime.checkpoints.choice import Weights
from runtime.data.tasks import task_of
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.run import Run
from runtime.system.atomic_files import explained_disk_errors, replace_file
from runtime.training.precision import Precision, inference_precision

MOST_WITH_DECIMALS = 1e5
"""Scores from here on are shown with a power of ten, as the perplexity of a poor model is."""

Split = str
"""`valid`, `test`, or the name of a test set of `data.tests`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSet:
    """Sources as they are in the files, and references as plain text, line by line."""

    sources: list[str]
    references: list[str]
    further: list[list[str]]
    """Other references of the same sources, each as `references`."""


def read_scoring_set(spec: Spec, split: Split, tokenizer: Tokenizer) -> ScoringSet:
    """All lines of a split, empty ones too; segmented references are joined by the tokenizer."""
    sources, *translations = zip(*task_of(spec).rows(split), strict=True)
    references, *further = (list(map(tokenizer.detokenize, each)) for each in translations)
    return ScoringSet(sources=list(sources), references=references, further=further)


def evaluation_files(run: Path, split: Split) -> tuple[Path, Path]:
    """Returns the files of a run for its answers to a split, a line a text, and their report."""
    return run / f"evaluation-{split}.txt", run / f"evaluation-{split}.json"


def write_evaluation(
    run: Path, split: Split, answers: Sequence[str], report: dict[str, object]
) -> None:
    """Write the files of a split into a run; without answers, the report alone."""
    text_file, report_file = evaluation_files(run, split)
    content = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    with explained_disk_errors(run):
        if answers:
            lines = "".join(f"{line}\n" for line in answers)
            replace_file(text_file, lines.encode(), follow_links=False)
        replace_file(report_file, content.encode(), follow_links=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A score and, in words, how it is computed."""

    name: str
    value: float
    protocol: str

    def __str__(self) -> str:
        value = f"{self.value:.4f}" if abs(self.value) < MOST_WITH_DECIMALS else f"{self.value:.3e}"
        return f"{self.name.replace('_', ' '):<20}{value:>9}  {self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Scores of a run on one split; `headline` names the one that the spec's author looks at."""

    split: Split
    texts: int
    headline: str
    measures: tuple[Measure, ...]
    text: dict[str, str]
    """The SHA-256 of each file that was scored."""
    weights: Weights
    precision: Precision = "float32"
    """The type of matrix products."""
    answers: tuple[str, ...] = ()
    """What the network says of each text, if that is one line."""

    @property
    def ordered(self) -> list[Measure]:
        """The headline comes first."""
        return sorted(self.measures, key=lambda measure: measure.name != self.headline)

    def write(self, run: Path) -> Path:
        """Writes evaluation-<split>.json, and the answers as .txt, into a run."""
        write_evaluation(run, self.split, self.answers, self._report())
        return evaluation_files(run, self.split)[1]

    def _report(self) -> dict[str, object]:
        scores = {
            each.name: {key: value for key, value in asdict(each).items() if key != "name"}
            for each in self.ordered
        }
        return {
            "split": self.split,
            "files": self.text,
            "texts": self.texts,
            "headline": self.headline,
            **scores,
            **self.weights.record(),
            "precision": self.precision,
        }


def measured(
    run: Run,
    split: Split,
    texts: int,
    measures: tuple[Measure, ...],
    average: int | None,
    device: torch.device,
    wanted: Precision | None,
) -> Measured:
    """Return measures with the headline that the spec names, and the precision on a device.

    `wanted` is the precision that was asked for, if one was.
    """
    spec = run.package.spec
    return Measured(
        split=split,
        texts=texts,
        headline=spec.evaluation.metric or measures[0].name,
        measures=measures,
        text=run.text_digests(split),
        weights=run.used(average),
        precision=inference_precision(wanted, spec.training.precision, device),
    )
