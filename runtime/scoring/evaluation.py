"""The result of an evaluation, with all that is needed to repeat it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from compiler.spec.training import Decoding, Evaluation
from runtime.checkpoints.choice import Weights
from runtime.corpus import Score
from runtime.durable import explained_disk_errors, replace_file
from runtime.scoring.score import Scores
from runtime.scoring.scoring_set import Split, evaluation_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What decoding the set took, the network being loaded; END is not among the tokens."""

    sentences: int
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Scores of a run on one split, and how they came about."""

    split: Split
    text: dict[str, str]
    """The SHA-256 of each file that was scored."""
    scores: Scores
    protocol: Evaluation
    decoding: Decoding
    weights: Weights
    int8: bool
    workers: int
    """Processes that shared the work."""
    speed: Speed
    phenomena: dict[str, Score]
    sources: list[str]
    references: list[str]
    hypotheses: list[str]

    def write(self, run: Path) -> tuple[Path, Path]:
        """Writes evaluation-<split>.txt, the translations, and .json, the rest, into a run."""
        text, report = evaluation_files(run, self.split)
        content = json.dumps(self._report(), indent=2, ensure_ascii=False) + "\n"
        with explained_disk_errors(run):
            lines = "".join(f"{line}\n" for line in self.hypotheses)
            replace_file(text, lines.encode(), follow_links=False)
            replace_file(report, content.encode(), follow_links=False)
        return text, report

    def _report(self) -> dict[str, object]:
        return {
            "split": self.split,
            "files": self.text,
            **asdict(self.scores),
            "tokenize": self.protocol.tokenize,
            "lowercase": self.protocol.lowercase,
            "decoding": self.decoding.model_dump(),
            **self.weights.record(),
            "int8": self.int8,
            "workers": self.workers,
            **asdict(self.speed),
            "tokens_per_second": self.speed.tokens_per_second,
            "phenomena": {name: asdict(score) for name, score in self.phenomena.items()},
        }
