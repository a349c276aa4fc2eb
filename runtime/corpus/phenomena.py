"""Scoring the difficulties: how often a system gets case, verb position and reference right."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.corpus.pair import Pair
from runtime.corpus.phrase import Phenomenon

_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    right: int
    total: int

    @property
    def share(self) -> float:
        """Right answers among all, 0 to 1; 1 where nothing was asked."""
        return self.right / self.total if self.total else 1.0


def accuracy(hypotheses: Sequence[str], pairs: Sequence[Pair]) -> dict[Phenomenon, Score]:
    """How many of the expected phrases the hypotheses contain, for each phenomenon.

    A phrase counts when its words and marks stand side by side in the hypothesis, in any place of
    the sentence and whatever their capitals. The marks matter: "gesehen hat." asks for the verbs
    at the very end. A phrase expected twice must be there twice.

    Raises ValueError if there is not one hypothesis for each pair.
    """
    if len(hypotheses) != len(pairs):
        raise ValueError(f"expected {len(pairs)} hypotheses, got {len(hypotheses)}")
    return {phenomenon: _score(phenomenon, hypotheses, pairs) for phenomenon in Phenomenon}


def _score(phenomenon: Phenomenon, hypotheses: Sequence[str], pairs: Sequence[Pair]) -> Score:
    right = total = 0
    for hypothesis, pair in zip(hypotheses, pairs, strict=True):
        expected = Counter(pair.phenomena.get(phenomenon, ()))
        words = _words(hypothesis)
        right += sum(min(_count(phrase, words), times) for phrase, times in expected.items())
        total += expected.total()
    return Score(right=right, total=total)


def _words(text: str) -> list[str]:
    return _WORD_OR_MARK.findall(text.lower())


def _count(phrase: str, words: list[str]) -> int:
    wanted = _words(phrase)
    starts = range(len(words) - len(wanted) + 1)
    return sum(words[start : start + len(wanted)] == wanted for start in starts)
