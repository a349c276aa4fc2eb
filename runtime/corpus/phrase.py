"""German text under construction: words, and the places in them that a translator must get right.

A Phrase is a monoid. `+` puts two side by side, lets a comma vanish where another mark takes its
place (a subordinate clause has a comma on both sides, unless the sentence ends there), and
moves the marked spans along with their words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Phenomenon(StrEnum):
    """A difficulty of German that the English does not spell out."""

    CASE = "case"
    VERB_FINAL = "verb-final"
    ANTECEDENT = "antecedent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Words [start, stop); `stop` may lie one beyond the phrase, on the word or mark to come."""

    phenomenon: Phenomenon
    start: int
    stop: int

    def moved(self, distance: int) -> Span:
        return Span(
            phenomenon=self.phenomenon,
            start=self.start + distance,
            stop=self.stop + distance,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    words: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()

    def __add__(self, other: Phrase) -> Phrase:
        return join(self, other)

    def marked(self, phenomenon: Phenomenon, *, start: int = 0, after: int = 0) -> Phrase:
        """Returns these words, marked from `start` on and with `after` words to come."""
        span = Span(phenomenon=phenomenon, start=start, stop=len(self.words) + after)
        return replace(self, spans=(*self.spans, span))

    def expected(self) -> dict[Phenomenon, tuple[str, ...]]:
        """The text under each mark, by phenomenon."""
        return {
            phenomenon: texts
            for phenomenon in Phenomenon
            if (texts := tuple(self._texts(phenomenon)))
        }

    def _texts(self, phenomenon: Phenomenon) -> list[str]:
        spans = [span for span in self.spans if span.phenomenon is phenomenon]
        return [detokenise(self.words[span.start : span.stop]) for span in spans]


def phrase(*words: str) -> Phrase:
    """Words as a Phrase; a word with spaces is several, an empty one is none."""
    return Phrase(words=tuple(" ".join(words).split()))


def join(*phrases: Phrase) -> Phrase:
    """The sum of all, in one pass."""
    words: list[str] = []
    spans: list[Span] = []
    for part in phrases:
        if not part.words:
            continue
        if words and words[-1] == "," and part.words[0] in {",", "."}:
            words.pop()
        if part.spans:
            spans.extend([span.moved(len(words)) for span in part.spans])
        words.extend(part.words)
    return Phrase(words=tuple(words), spans=tuple(spans))


def detokenise(words: tuple[str, ...]) -> str:
    """Words and marks as text: no space before a mark."""
    text = " ".join(words)
    for mark in (",", "."):
        text = text.replace(f" {mark}", mark)
    return text


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
