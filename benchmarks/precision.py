"""Compare losses and BLEU of training in bfloat16 with those of float32, row by row of an ablation.

    specformer ablate specs/ablations/precision.yaml --set data.folder=FOLDER
    python -m benchmarks.precision runs/precision

Each run is compared with the base's of the same seed: the difference of the validation losses, and
that of BLEU with its 95 % interval by paired bootstrap resampling of sentences (Koehn 2004).
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from compiler.spec.lock import LOCK, read_lock
from runtime.ablation.collect import Ablation, Outcome, read_ablation
from runtime.ablation.record import PACKAGE, RUN
from runtime.ablation.significance import TESTED, read_references, read_translations
from runtime.errors import UserError

RESAMPLES, SEED, SHARE = 1000, 12345, 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A difference of BLEU, and the interval in which it lies for the given share of resamples."""

    difference: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.difference:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def main() -> None:
    """Print the comparison of an ablation's folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folder", type=Path, help="of the ablation")
    for line in compared(read_ablation(parser.parse_args().folder)):
        print(line)


def compared(ablation: Ablation) -> Iterator[str]:
    """Yield a line for each run but the base's. Raises a UserError where there is none."""
    bases = {outcome.queued.seed: outcome for outcome in ablation.base.finished}
    others = [each for each in ablation.finished if each.queued.row != ablation.base.name]
    if not any(each.queued.seed in bases for each in others):
        raise UserError("no row and base of one seed have both finished")
    for outcome in others:
        if (base := bases.get(outcome.queued.seed)) is not None:
            yield f"{outcome.queued.name} beside {base.queued.name}: {_differences(base, outcome)}"


def _differences(base: Outcome, other: Outcome) -> str:
    assert base.result is not None
    assert other.result is not None
    loss, loss_of_base = (each.scores["valid_loss"] for each in (other.result, base.result))
    parts = [f"validation loss {loss:.4f} - {loss_of_base:.4f} = {loss - loss_of_base:+.4f}"]
    for column, split in TESTED.items():
        if column in base.result.scores and column in other.result.scores:
            parts.append(f"{split} BLEU {bleu_interval(base, other, split)}")
    return ", ".join(parts)


def bleu_interval(base: Outcome, other: Outcome, split: str) -> Interval:
    """Return the difference of BLEU of two runs on a split."""
    references = read_references(base, split)
    protocol = read_lock(base.folder / RUN / PACKAGE / LOCK).evaluation
    metric = BLEU(tokenize=protocol.tokenize, lowercase=protocol.lowercase, force=True)
    systems = [read_translations(each, split, len(references[0])) for each in (base, other)]
    return paired_bootstrap(metric, systems, references)


def paired_bootstrap(
    metric: BLEU, systems: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> Interval:
    """Return BLEU of the second system minus that of the first, over the same sentences."""
    statistics = [
        np.array(metric._extract_corpus_statistics(system, references)) for system in systems
    ]
    generator = np.random.default_rng(SEED)
    count = len(references[0])

    def difference(rows: np.ndarray) -> float:
        one, other = (
            metric._compute_score_from_stats(each[rows].sum(axis=0).tolist()).score
            for each in statistics
        )
        return float(other - one)

    drawn = [difference(generator.integers(count, size=count)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return Interval(difference=difference(np.arange(count)), low=float(low), high=float(high))


if __name__ == "__main__":
    main()
