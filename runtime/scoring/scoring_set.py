"""What a trained network is scored on."""

from dataclasses import dataclass
from pathlib import Path

from compiler.spec.spec import Spec
from runtime.data.tasks.task import read_part
from runtime.data.tokenizer import Tokenizer

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
    sources, *translations = zip(*read_part(spec, split), strict=True)
    references, *further = (list(map(tokenizer.detokenize, each)) for each in translations)
    return ScoringSet(sources=list(sources), references=references, further=further)


def evaluation_files(run: Path, split: Split) -> tuple[Path, Path]:
    """Where a run keeps its answers to a split, a line for each text, and the report on them."""
    return run / f"evaluation-{split}.txt", run / f"evaluation-{split}.json"
