"""What a trained network is scored on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compiler.spec.spec import Spec
from runtime.data.files import read_rows
from runtime.data.tokenizer import Tokenizer

Split = Literal["test", "valid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSet:
    """Sources as they are in the files, and references as plain text, line by line."""

    sources: list[str]
    references: list[str]


def read_scoring_set(spec: Spec, split: Split, tokenizer: Tokenizer) -> ScoringSet:
    """All lines of a split, empty ones too; segmented references are joined by the tokenizer."""
    corpus = spec.data.test if split == "test" else spec.data.valid
    rows = list(read_rows(corpus, spec.data.folder))
    return ScoringSet(
        sources=[source for source, _ in rows],
        references=[tokenizer.detokenize(target) for _, target in rows],
    )


def evaluation_files(run: Path, split: Split) -> tuple[Path, Path]:
    """Where a run keeps its answers to a split, a line for each text, and the report on them."""
    return run / f"evaluation-{split}.txt", run / f"evaluation-{split}.json"
