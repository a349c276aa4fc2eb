"""Training texts whose words are cut into pieces anew in each epoch, as regularisation.

BPE leaves merges out (Provilkov et al. 2020); a unigram model draws among all segmentations (Kudo
2018). The pieces of a text tell how it was written, so that nothing but tokens is read here.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np

from compiler.spec.spec import Spec
from compiler.spec.tokenizer import REGULARISATION
from compiler.spec.tokenizer import SentencePieceTokenizer as Settings
from runtime.data.batches import Examples, Joined
from runtime.data.sentences import Indices, Sentences
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.data.tokenizers.words import SPACE
from runtime.data.uniform import uniform
from runtime.errors import UserError

WORD = re.compile(f"{SPACE}?[^{SPACE}]+|{SPACE}")
AT_ONCE = 256
"""Random numbers that are drawn at a time."""

PARTS = ("sources", "targets", "pieces", "texts")
"""The fields of examples that hold sentences; the second is in the tokens of the target."""

Cut = Callable[[str, Callable[[], float]], list[str] | None]
"""Cuts a word into pieces by random numbers from 0 to 1; None where it has no pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resegmented(Examples):
    """Examples whose tokens are drawn anew in each epoch; until then they are as prepared."""

    examples: Any
    """A dataclass of examples with some of the fields `PARTS`."""
    segmentations: dict[str, "Segmentation"]
    """By these fields."""
    _last: dict[tuple[int, int], Examples] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def unit(self) -> str:  # type: ignore[override]
        return str(self.examples.unit)

    @property
    def lengths(self) -> tuple[Indices, ...]:
        lengths: tuple[Indices, ...] = self.examples.lengths
        return lengths

    def count_labels(self, rows: Indices) -> int:
        return int(self.examples.count_labels(rows))

    def count_tokens(self, rows: Indices) -> int:
        return int(self.examples.count_tokens(rows))

    def joined(self, rows: Indices) -> Joined:
        joined: Joined = self.examples.joined(rows)
        return joined

    def drawn(self, seed: int, epoch: int, /) -> Any:
        """Return the examples with the pieces of this epoch, which are kept until the next."""
        key = (seed, epoch)
        if key not in self._last:
            self._last.clear()
            new = {
                name: each.drawn(getattr(self.examples, name), seed, epoch)
                for name, each in self.segmentations.items()
            }
            self._last[key] = replace(self.examples, **new).drawn(seed, epoch)
        return self._last[key]


def resegmented(train: Examples, spec: Spec, source: Tokenizer, target: Tokenizer) -> Examples:
    """Return the examples to train on as the tokenizer's regularisation draws them, if it has one.

    Raises a UserError for a given model of another kind than the regularisation is for.
    """
    settings = spec.data.tokenizer
    if not isinstance(settings, Settings) or (settings.dropout or settings.sampling) is None:
        return train
    found: dict[str, Segmentation] = {}
    for name in PARTS:
        if hasattr(train, name):
            tokenizer = target if name == "targets" else source
            assert isinstance(tokenizer, SentencePieceTokenizer)
            _require_kind(tokenizer, settings)
            found[name] = Segmentation(tokenizer, settings, side=int(name == "targets"))
    return Resegmented(examples=train, segmentations=found)


def _require_kind(tokenizer: SentencePieceTokenizer, settings: Settings) -> None:
    key = next(each for each in REGULARISATION if getattr(settings, each) is not None)
    kind = REGULARISATION[key]
    if tokenizer.model_kind != kind:
        raise UserError(
            f"data.tokenizer.{key} is for models of the kind {kind}, and {settings.file} is of the "
            f"kind {tokenizer.model_kind}",
            help=f"remove `{key}`",
        )


class Segmentation:
    """The random segmentations of the sentences of one side."""

    def __init__(self, tokenizer: SentencePieceTokenizer, settings: Settings, *, side: int) -> None:
        self._side = side
        self._names = [tokenizer.name(number) for number in range(tokenizer.size)]
        scores = tokenizer.scores()
        self._is_cut = [number in scores for number in range(tokenizer.size)]
        self._numbers = {self._names[number]: number for number in scores}
        by_name = {self._names[number]: score for number, score in scores.items()}
        if settings.dropout is not None:
            self._cut = merging(by_name, settings.dropout)
        else:
            self._cut = drawing(by_name, settings.sampling or 0.0)

    def drawn(self, sentences: Sentences, seed: int, epoch: int) -> Sentences:
        """Return the sentences in pieces that depend on seed, epoch and the line's number alone.

        A sentence that would be longer than the longest of all stays as it is, since batches and
        tables of positions are made for that one.
        """
        longest = int(sentences.lengths.max(initial=0))
        old = (sentences[row].tolist() for row in range(len(sentences)))
        drawn = (self._of(each, seed, epoch, row) for row, each in enumerate(old))
        new = [
            each if len(each) <= longest else sentences[row].tolist()
            for row, each in enumerate(drawn)
        ]
        ends = np.cumsum(np.fromiter(map(len, new), np.int64, len(new)))
        tokens = np.fromiter(chain.from_iterable(new), np.int32, int(ends[-1]) if new else 0)
        return Sentences.of(tokens, ends)

    def _of(self, tokens: list[int], seed: int, epoch: int, row: int) -> list[int]:
        random = uniforms(seed, epoch, self._side, row)
        return list(chain.from_iterable(self._run(run, random) for run in self._runs(tokens)))

    def _runs(self, tokens: Sequence[int]) -> Iterator[list[int]]:
        """Yield pieces in a row; a symbol, a byte or a text of the user's stands alone."""
        run: list[int] = []
        for token in tokens:
            if self._is_cut[token]:
                run.append(token)
                continue
            if run:
                yield run
            yield [token]
            run = []
        if run:
            yield run

    def _run(self, run: list[int], random: Callable[[], float]) -> list[int]:
        """Return a row of pieces cut anew; as it was where a character has no piece."""
        if not self._is_cut[run[0]]:
            return run
        new: list[int] = []
        for word in WORD.findall("".join(self._names[token] for token in run)):
            pieces = self._cut(word, random)
            if pieces is None:
                return run
            new += [self._numbers[piece] for piece in pieces]
        return new


def uniforms(seed: int, epoch: int, side: int, row: int) -> Callable[[], float]:
    """Return a function that draws numbers from 0 to 1, below 1, for one line of one epoch."""
    # The third word of the counter parts these draws from those of masks, which have 0 there.
    generator = np.random.Philox(key=[seed, epoch], counter=[0, 0, 1 + side, row])

    def draw() -> Iterator[float]:
        while True:
            raw = np.asarray(generator.random_raw(AT_ONCE))
            yield from uniform(raw).tolist()

    return draw().__next__


def merging(scores: dict[str, float], dropout: float) -> Cut:
    """Return the segmentation of BPE in which each possible merge is left out at each step.

    The merge with the highest score is done among those that are not left out, until none is left
    (Provilkov et al. 2020, algorithm 1).
    """

    def cut(word: str, random: Callable[[], float]) -> list[str] | None:
        pieces = list(word)
        if any(each not in scores for each in pieces):
            return None
        while True:
            best, place = -math.inf, -1
            for here in range(len(pieces) - 1):
                score = scores.get(pieces[here] + pieces[here + 1])
                if score is not None and random() >= dropout and score > best:
                    best, place = score, here
            if place < 0:
                return pieces
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]

    return cut


Ways = tuple[tuple[tuple[int, float], ...], ...]
"""For each place in a word, where the pieces that end there begin, and their shares."""


def lattice(word: str, scores: dict[str, float], longest: int, alpha: float) -> Ways | None:
    """Return the segmentations of a word, likelihoods to the power `alpha`; None without any.

    `longest` is the number of characters of the longest piece.
    """
    sums = [0.0] + [-math.inf] * len(word)
    ways: list[tuple[tuple[int, float], ...]] = [()]
    for end in range(1, len(word) + 1):
        found = []
        for start in range(max(end - longest, 0), end):
            score = scores.get(word[start:end])
            if score is not None and sums[start] > -math.inf:
                found.append((start, sums[start] + alpha * score))
        if found:
            most = max(weight for _, weight in found)
            shares = [(start, math.exp(weight - most)) for start, weight in found]
            total = sum(share for _, share in shares)
            sums[end] = most + math.log(total)
            ways.append(tuple((start, share / total) for start, share in shares))
        else:
            ways.append(())
    return tuple(ways) if sums[-1] > -math.inf else None


def drawing(scores: dict[str, float], alpha: float) -> Cut:
    """Return the segmentation that is drawn among all of a word, likelihoods to the power `alpha`.

    Words are drawn apart from each other: no piece crosses their borders, so that this is a draw
    among all segmentations of the text (Kudo 2018, with l infinite).
    """
    longest = max(map(len, scores), default=0)

    @lru_cache(maxsize=2**16)
    def ways_of(word: str) -> Ways | None:
        return lattice(word, scores, longest, alpha)

    def cut(word: str, random: Callable[[], float]) -> list[str] | None:
        ways = ways_of(word)
        if ways is None:
            return None
        pieces: list[str] = []
        end = len(word)
        while end:
            left, start = random(), 0
            for start, share in ways[end]:  # noqa: B007
                left -= share
                if left < 0:
                    break
            pieces.append(word[start:end])
            end = start
        return pieces[::-1]

    return cut
