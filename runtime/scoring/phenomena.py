"""Shares of the phrases, sorted by difficulty, that translations of a test set must contain.

A file `test.phenomena.jsonl` beside a test set names them: for each line an object of lists, such
as `{"case": ["dem Hund"]}`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.spec.spec import Spec
from runtime.data.files import corpus_files

FILE = "test.phenomena.jsonl"
_WORD_OR_MARK = re.compile(r"\w+|[^\w\s]")

Phrases = Mapping[str, Sequence[str]]
"""The phrases of one line by the names of the difficulties that they show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A number of right answers among all that were asked for."""

    right: int
    total: int

    @property
    def share(self) -> float:
        """Right answers among all, 0 to 1; 1 where nothing was asked."""
        return self.right / self.total if self.total else 1.0


def phenomena_scores(spec: Spec, hypotheses: Sequence[str]) -> dict[str, Score]:
    """Returns the scores of the test set's difficulties; none for text that names no difficulties.

    A file whose length is not that of the test set belongs to other sentences.
    """
    path = corpus_files(spec.data.corpora["test"], spec.data.folder)[0].parent / FILE
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as lines:
        expected = [json.loads(line) for line in lines]
    return accuracy(hypotheses, expected) if len(expected) == len(hypotheses) else {}


def accuracy(hypotheses: Sequence[str], expected: Sequence[Phrases]) -> dict[str, Score]:
    """Counts the expected phrases in the hypotheses for each difficulty, the commonest one first.

    A phrase counts when its words and marks stand side by side in the hypothesis, in any place of
    the sentence and whatever their capitals. The marks matter: "gesehen hat." asks for the verbs
    at the very end. A phrase expected twice must be there twice.

    Raises ValueError if there is not one hypothesis for each line.
    """
    if len(hypotheses) != len(expected):
        raise ValueError(f"expected {len(expected)} hypotheses, got {len(hypotheses)}")
    right, total = Counter[str](), Counter[str]()
    for hypothesis, phrases in zip(hypotheses, expected, strict=True):
        words = _words(hypothesis)
        for name, found in _found(phrases, words):
            right[name] += found
            total[name] += len(phrases[name])
    return {name: Score(right=right[name], total=asked) for name, asked in total.most_common()}


def _found(phrases: Phrases, words: list[str]) -> Iterator[tuple[str, int]]:
    """Yields each difficulty of a line with the number of its phrases that the words contain."""
    for name, several in phrases.items():
        times = Counter(several)
        yield name, sum(min(_count(phrase, words), most) for phrase, most in times.items())


def _words(text: str) -> list[str]:
    return _WORD_OR_MARK.findall(text.lower())


def _count(phrase: str, words: list[str]) -> int:
    wanted = _words(phrase)
    starts = range(len(words) - len(wanted) + 1)
    return sum(words[start : start + len(wanted)] == wanted for start in starts)
