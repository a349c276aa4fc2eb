"""Significance: does a row's BLEU differ by more than the choice of sentences explains?

Paired bootstrap resampling (Koehn 2004), as sacreBLEU does it (Post 2018), seed by seed: the
translations of a row against those of the base that began with the same seed.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.significance import PairedTest, Result

from compiler.spec.lock import LOCK, read_lock
from runtime.ablation.collect import Ablation, Outcome
from runtime.ablation.record import PACKAGE, RUN
from runtime.data.prepare import TOKENIZERS
from runtime.data.tokenizers.tokenizer import load_tokenizers
from runtime.errors import UserError
from runtime.scoring.measures import Split, evaluation_files, read_scoring_set

LEVEL = 0.05
TESTED: dict[str, Split] = {"valid_bleu": "valid", "test_bleu": "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Runs of one seed and one column against the base: p by row, and sacreBLEU's signature."""

    column: str
    seed: int
    p: Mapping[str, float]
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """All comparisons, and why columns of BLEU have none."""

    compared: tuple[Compared, ...]
    untested: Mapping[str, str]

    def p(self, column: str, row: str) -> list[float]:
        """Return the p of each seed that was compared."""
        return [each.p[row] for each in self.compared if each.column == column and row in each.p]

    def tells_apart(self, column: str, row: str) -> bool:
        """Tell whether every seed has p < 0.05."""
        values = self.p(column, row)
        return bool(values) and max(values) < LEVEL


def compare_with_base(ablation: Ablation, columns: Iterable[str]) -> Significance:
    """Tests the columns that are BLEU."""
    compared: list[Compared] = []
    untested: dict[str, str] = {}
    for column in columns:
        if column not in TESTED:
            continue
        try:
            compared += compare_seeds(ablation, column)
        except (UserError, OSError) as error:
            untested[column] = str(error).splitlines()[0]
    return Significance(compared=tuple(compared), untested=untested)


def compare_seeds(ablation: Ablation, column: str) -> list[Compared]:
    """Raise a UserError where translations or references are gone or have changed."""
    compared = []
    for base in ablation.base.finished:
        others = [
            outcome
            for outcome in ablation.finished
            if outcome.queued.seed == base.queued.seed and outcome is not base
        ]
        if others:
            compared.append(compare_runs(base, others, column))
    return compared


def compare_runs(base: Outcome, others: Sequence[Outcome], column: str) -> Compared:
    split = TESTED[column]
    protocol = read_lock(base.folder / RUN / PACKAGE / LOCK).evaluation
    outcomes = [base, *others]
    references = read_references(base, split)
    if len(references[0]) < 2:
        raise UserError("sentences are resampled, and there is only one")
    systems = tuple(
        (each.queued.row, read_translations(each, split, len(references[0]))) for each in outcomes
    )
    signature, scores, p = bootstrap(systems, references, protocol.tokenize, protocol.lowercase)
    for outcome, score in zip(outcomes, scores, strict=True):
        check_score(outcome, column, score)
    rows = [outcome.queued.row for outcome in others]
    return Compared(
        column=column,
        seed=base.queued.seed,
        # Where the scores are equal, sacreBLEU counts no resample at all as such a difference.
        p={
            row: 1.0 if of == scores[0] else q
            for row, of, q in zip(rows, scores[1:], p, strict=True)
        },
        signature=signature,
    )


@cache
def bootstrap(
    systems: tuple[tuple[str, tuple[str, ...]], ...],
    references: tuple[tuple[str, ...], ...],
    tokenize: str,
    lowercase: bool,
) -> tuple[str, tuple[float, ...], tuple[float, ...]]:
    """Named translations, the base's first -> signature, BLEU of each, p of each but the base.

    The results are kept: they take half a minute for a table that is shown and then written.
    """
    metric = BLEU(
        tokenize=tokenize,
        lowercase=lowercase,
        force=True,
        references=references,
    )
    test = PairedTest(list(systems), {"BLEU": metric}, None, test_type="bs")
    signatures, results = test()
    found = cast(list[Result], results["BLEU"])
    return (
        str(signatures["BLEU"]),
        tuple(each.score for each in found),
        tuple(cast(float, each.p_value) for each in found[1:]),
    )


def read_translations(outcome: Outcome, split: Split, count: int) -> tuple[str, ...]:
    path, _ = evaluation_files(outcome.folder / RUN, split)
    if not path.is_file():
        raise UserError(f"{outcome.queued.name} has no {path.name}")
    lines = tuple(path.read_text(encoding="utf-8").split("\n")[:-1])
    if len(lines) != count:
        raise UserError(
            f"{outcome.queued.name} has {len(lines):,} translations, but there are {count:,} "
            "references: they have changed"
        )
    return lines


def read_references(outcome: Outcome, split: Split) -> tuple[tuple[str, ...], ...]:
    """One reference of each sentence, and where a corpus has several, the others."""
    run = outcome.folder / RUN
    spec = read_lock(run / PACKAGE / LOCK)
    _, tokenizer = load_tokenizers(run / TOKENIZERS)
    text = read_scoring_set(spec, split, tokenizer)
    return tuple(map(tuple, (text.references, *text.further)))


def check_score(outcome: Outcome, column: str, score: float) -> None:
    """Raise a UserError if these translations and references have not led to the result."""
    assert outcome.result is not None
    recorded = outcome.result.scores.get(column, math.nan)
    if not math.isclose(recorded, score, abs_tol=1e-6):
        raise UserError(
            f"{outcome.queued.name} has {recorded:.2f} in its result, but its translations score "
            f"{score:.2f} now: they or the references have changed"
        )
