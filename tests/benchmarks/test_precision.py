"""The interval of a difference of BLEU."""

import random

import pytest
from sacrebleu.metrics.bleu import BLEU

from benchmarks.precision import paired_bootstrap

pytestmark = pytest.mark.quick


@pytest.fixture
def texts() -> tuple[list[str], list[str], list[str]]:
    """References, good translations, and worse ones."""
    draw = random.Random(3)
    words = [f"w{number}" for number in range(50)]
    references = [" ".join(draw.choices(words, k=12)) for _ in range(60)]

    def spoilt(share: float) -> list[str]:
        return [
            " ".join("x" if draw.random() < share else word for word in line.split())
            for line in references
        ]

    return references, spoilt(0.05), spoilt(0.2)


def test_the_interval_lies_around_the_difference(texts: tuple[list[str], ...]) -> None:
    references, good, bad = texts
    metric = BLEU(tokenize="none", force=True)
    found = paired_bootstrap(metric, [bad, good], [references])
    scores = [metric.corpus_score(each, [references]).score for each in (bad, good)]
    assert found.difference == pytest.approx(scores[1] - scores[0])
    assert 0 < found.low < found.difference < found.high


def test_equal_translations_differ_in_nothing(texts: tuple[list[str], ...]) -> None:
    references, good, _ = texts
    found = paired_bootstrap(BLEU(tokenize="none", force=True), [good, good], [references])
    assert (found.difference, found.low, found.high) == (0, 0, 0)
