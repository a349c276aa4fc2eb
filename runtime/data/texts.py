"""Tokenised texts of one language as examples: to continue, to fill, to classify."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from compiler.spec.training import MaskedTokens
from runtime.data.batches import Examples, Joined
from runtime.data.sentences import Indices, Sentences
from runtime.data.symbols import BEGIN, END, MASK, NAMES_WITH_MASK
from runtime.data.uniform import uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents(Examples):
    """Texts for a language model, each closed by END; a long one is several pieces in a row."""

    unit: ClassVar[str] = "text"

    pieces: Sentences

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def lengths(self) -> tuple[Indices, ...]:
        return (self.pieces.lengths,)

    def count_labels(self, rows: Indices) -> int:
        """Return the number of tokens, END included."""
        return int(self.pieces.lengths[rows].sum())

    def count_tokens(self, rows: Indices) -> int:
        return self.count_labels(rows)

    def shortened(
        self, batches: Sequence[Indices], longest: int, /
    ) -> tuple["Documents", list[Indices]]:
        """Cut the texts of batches into pieces: each token is predicted from fewer before it."""
        rows = np.concatenate(batches)
        lengths, ends = self.pieces.lengths[rows], self.pieces.ends[rows]
        counts = -(-lengths // longest)
        last = np.cumsum(counts)
        begins = np.repeat(ends - lengths - (last - counts) * longest, counts)
        begins += np.arange(last[-1]) * longest
        stops = np.minimum(begins + longest, np.repeat(ends, counts))
        pieces = Sentences(tokens=self.pieces.tokens, ends=stops, lengths=stops - begins)
        places = last[np.cumsum([len(each) for each in batches])[:-1] - 1]
        return Documents(pieces=pieces), np.split(np.arange(last[-1]), places)

    def joined(self, rows: Indices) -> Joined:
        """Return texts. Inputs: each token's predecessor in its text, BEGIN for the first.

        Labels: the tokens.
        """
        places = self.pieces.places(rows)
        before = self.pieces.tokens[places - 1].astype(np.int64)
        begins = (before == END) | (places == 0)  # a text begins after the END of another
        return Joined(
            inputs=(np.where(begins, BEGIN, before),),
            lengths=(self.pieces.lengths[rows],),
            places=np.arange(len(places)),
            labels=self.pieces.tokens[places].astype(np.int64),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows(Documents):
    """Windows of running text for a language model, one after the other.

    The text is documents with END between them. Each window has `longest` tokens, but for the last
    one and, in the epochs of a text that `is_shifted`, the first one, whose number of tokens
    depends on the seed and the epoch alone. Each token is in one window.
    """

    unit: ClassVar[str] = "window"

    longest: int
    is_shifted: bool = False

    @classmethod
    def of(cls, tokens: NDArray[np.int32], longest: int, *, is_shifted: bool = False) -> Self:
        """Return the windows of tokens [tokens], the first of them whole."""
        pieces = _cut(tokens, longest, longest)
        return cls(pieces=pieces, longest=longest, is_shifted=is_shifted)

    def drawn(self, seed: int, epoch: int, /) -> Self:
        if not self.is_shifted:
            return self
        draw = int(np.random.Philox(key=[seed, epoch]).random_raw())
        first = 1 + draw % self.longest
        return replace(self, pieces=_cut(self.pieces.tokens, first, self.longest))


@dataclass(frozen=True, slots=True, kw_only=True)
class SlidingWindows(Examples):
    """Overlapping windows of a running text, to score each of its tokens once.

    A window ends `stride` tokens after the one before it, and these are its labels; its other
    tokens are context. All tokens of the first window are labels.
    """

    unit: ClassVar[str] = "window"

    windows: Windows
    """The text in windows side by side; overlapping windows are at most as long as these."""
    stride: int

    @property
    def ends(self) -> Indices:
        """[windows]: where each window ends."""
        return _cut(self.windows.pieces.tokens, self.windows.longest, self.stride).ends

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def lengths(self) -> tuple[Indices, ...]:
        return (np.minimum(self.ends, self.windows.longest),)

    def count_labels(self, rows: Indices) -> int:
        return int(np.diff(self.ends, prepend=0)[rows].sum())

    def count_tokens(self, rows: Indices) -> int:
        return int(self.sizes[rows].sum())

    def joined(self, rows: Indices) -> Joined:
        """Return windows. Inputs: each token's predecessor. Labels: the tokens not yet scored."""
        (lengths,), ends = self.lengths, self.ends
        sliding = Sentences(tokens=self.windows.pieces.tokens, ends=ends, lengths=lengths)
        whole = Documents(pieces=sliding).joined(rows)
        scored = np.diff(ends, prepend=0)[rows]
        within = np.arange(len(whole.labels)) - np.repeat(
            np.cumsum(lengths[rows]) - scored, lengths[rows]
        )
        (places,) = np.nonzero(within >= 0)
        return replace(whole, places=places, labels=whole.labels[places])


def _cut(tokens: NDArray[np.int32], first: int, longest: int) -> Sentences:
    """Cut tokens [tokens] into `first` tokens and then `longest` at a time; the last may be few."""
    ends = np.arange(first, len(tokens), longest, dtype=np.int64)
    return Sentences.of(tokens, np.append(ends, len(tokens)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedTexts(Examples):
    """Texts, each closed by END, some of whose tokens are to be guessed from the others.

    Which ones depends on the seed, the epoch and the text's number alone. With the epoch 0 they are
    those of validation.
    """

    unit: ClassVar[str] = "text"

    texts: Sentences
    masking: MaskedTokens
    vocabulary: int
    """Rows of the vocabulary, symbols included."""
    seed: int = 0
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def lengths(self) -> tuple[Indices, ...]:
        """The tokens of each text, BEGIN and END included."""
        return (self.texts.lengths + 1,)

    def count_labels(self, rows: Indices) -> int:
        return int(self._chosen(rows).sum())

    def count_tokens(self, rows: Indices) -> int:
        return int(self.sizes[rows].sum())

    def drawn(self, seed: int, epoch: int, /) -> Self:
        return replace(self, seed=seed, epoch=epoch)

    def joined(self, rows: Indices) -> Joined:
        """Return texts. Inputs: BEGIN, the tokens, some of them masked, and END.

        Labels: what the masked tokens were.
        """
        right, lengths, beginnings = after_begin(self.texts, rows)
        read = right.copy()
        found = []
        for row, begin, chosen in zip(rows, beginnings, self._chosen(rows), strict=True):
            columns, change, other = self._draw(int(row), int(chosen))
            places = begin + columns
            is_mask, is_kept = self._fates(change)
            kept = np.where(is_kept, right[places], other)
            read[places] = np.where(is_mask, MASK, kept)
            found.append(places)
        places = np.concatenate(found)
        return Joined(inputs=(read,), lengths=(lengths,), places=places, labels=right[places])

    def _chosen(self, rows: Indices) -> Indices:
        """Return the number of tokens of each text that are predicted, at least one."""
        tokens = self.texts.lengths[rows] - 1
        share = np.rint(self.masking.share * tokens).astype(np.int64)
        return np.clip(share, 1, tokens)

    def _draw(self, row: int, chosen: int) -> tuple[Indices, NDArray[np.float64], Indices]:
        """Draw the tokens of a text that are predicted.

        Returns their columns, a number from 0 to 1 that decides what becomes of each, and the other
        token that may stand there.
        """
        generator = np.random.Philox(key=[self.seed, self.epoch], counter=[0, 0, 0, row])
        tokens = int(self.texts.lengths[row]) - 1
        raw = np.asarray(generator.random_raw(tokens + 2 * chosen))
        order, change, other = np.split(raw, [tokens, tokens + chosen])
        columns: Indices = 1 + np.sort(np.argsort(order, kind="stable")[:chosen])
        symbols = len(NAMES_WITH_MASK)
        others = symbols + (other % np.uint64(self.vocabulary - symbols)).astype(np.int64)
        return columns, uniform(change), others

    def _fates(self, change: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which tokens become the mask, and which stay; the others become any token."""
        masking = self.masking
        return change < masking.mask, change >= masking.mask + masking.random


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledTexts(Examples):
    """Texts, each closed by END, and the number of the label of each."""

    unit: ClassVar[str] = "text"

    texts: Sentences
    labels: Indices

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def lengths(self) -> tuple[Indices, ...]:
        """The tokens of each text, BEGIN and END included."""
        return (self.texts.lengths + 1,)

    def count_labels(self, rows: Indices) -> int:
        return len(rows)

    def count_tokens(self, rows: Indices) -> int:
        return int(self.sizes[rows].sum())

    def joined(self, rows: Indices) -> Joined:
        """Return texts. Inputs: BEGIN, tokens and END of each text."""
        read, lengths, _ = after_begin(self.texts, rows)
        return Joined(inputs=(read,), lengths=(lengths,), places=None, labels=self.labels[rows])


def after_begin(texts: Sentences, rows: Indices) -> tuple[Indices, Indices, Indices]:
    """Return texts with BEGIN in front of each [tokens], their lengths, and where each begins."""
    lengths = texts.lengths[rows] + 1
    beginnings = np.cumsum(lengths) - lengths
    read = np.insert(texts.joined(rows), beginnings - np.arange(len(rows)), BEGIN)
    return read, lengths, beginnings
