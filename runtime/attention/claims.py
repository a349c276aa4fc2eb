"""The accuracy of heads: how often the largest weight from a word is on the word that is asked for.

The head is chosen on the validation set and measured on the test set. So is the head of a network
that was never trained, since the best of many heads is good by chance; and so is the fixed offset,
since a head that reads its neighbour needs no grammar.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from compiler.mask.mask import Mask
from runtime.attention.layers import SELF, AttentionPlace
from runtime.attention.links import LinkedText, Question, Sentence
from runtime.attention.observe import Observer
from runtime.data.symbols import BEGIN, END

BATCH = 64
RESAMPLES = 1000
Head = tuple[int, int]
"""The layer and the head, both from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The accuracy, 0 to 1, and its interval over resampled sentences (95 %)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1%} [{self.low:.1%}, {self.high:.1%}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """The words that heads read and may read, for each sentence."""

    heads: tuple[Head, ...]
    strongest: tuple[NDArray[np.int64] | None, ...]
    """The argmax of each head's weights over the keys [head, word]; -1 where it may read no word.

    None for a sentence whose tokens do not spell its words, such as one with an unknown token.
    """
    readable: tuple[NDArray[np.bool_], ...]
    """The words that each head may read from a word [head, query, key], itself left out."""

    def right(self, questions: Sequence[Question]) -> NDArray[np.bool_]:
        """Return which questions each head answers [head, question]."""
        columns = []
        for each in questions:
            read = self.strongest[each.sentence]
            answers = (
                np.zeros(len(self.heads), bool)
                if read is None
                else (read[:, each.word] == each.answer)
            )
            columns.append(answers)
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.heads), 0), bool)

    def may_answer(self, question: Question) -> bool:
        """Return whether the mask of some head allows it to read the answer from the word."""
        readable = self.readable[question.sentence]
        return bool(readable[:, question.word, question.answer].any())


@torch.inference_mode()
def strongest_reads(observer: Observer, sentences: Sequence[Sentence]) -> Reads:
    """Return the word to which each head gives the largest weight, from each word of a sentence.

    Subwords are joined to words; BEGIN, END and the word itself are left out. The heads are those
    of the stack that reads the sentences: the encoder, or the decoder of a language model.
    """
    is_encoder = observer.run.package.spec.model.encoder is not None
    kind = SELF["encoder" if is_encoder else "decoder"]
    encoded = observer.reader.tokenizers[0].encode_lines([each.text for each in sentences])
    rows = [observer.reader.with_symbols(each) for each in encoded]
    masks = _masks(observer, kind)
    found: list[NDArray[np.int64] | None] = [None] * len(rows)
    readable: dict[int, NDArray[np.bool_]] = {}
    heads: tuple[Head, ...] = ()
    for batch in _batches(rows):
        layers = observer.batch_weights(torch.tensor([rows[each] for each in batch]), kind)
        heads = tuple((number, h + 1) for number, w in layers for h in range(w.shape[1]))
        joined = np.concatenate([weights for _, weights in layers], axis=1)
        for weights, number in zip(joined, batch, strict=True):
            words = sentences[number].words
            belongs = _belongs([_surface(observer, each) for each in rows[number]], words)
            tokens = np.eye(len(words)) if belongs is None else belongs
            readable[number] = _readable(_allowed(observer, masks, tokens.shape[1]), tokens)
            if belongs is not None:
                found[number] = _strongest(weights, belongs, readable[number])
    return Reads(
        heads=heads,
        strongest=tuple(found),
        readable=tuple(readable[each] for each in range(len(rows))),
    )


def _masks(observer: Observer, kind: str) -> list[Mask]:
    """Return the masks of all heads of a kind, in the order of their layers."""
    own = [each for each in observer.places if isinstance(each, AttentionPlace)]
    return [mask for each in own if each.kind == kind for mask in each.masks]


def _allowed(observer: Observer, masks: Sequence[Mask], tokens: int) -> NDArray[np.bool_]:
    """Return which tokens each head may read [head, token, token]."""
    return np.stack([observer.allowed(each, tokens, tokens) for each in masks])


def _batches(rows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the numbers of rows that are equally long, at most `BATCH` at a time."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_length[len(row)].append(number)
    for numbers in by_length.values():
        for start in range(0, len(numbers), BATCH):
            yield numbers[start : start + BATCH]


def _surface(observer: Observer, token: int) -> str:
    symbol = token in (BEGIN, END)
    return "" if symbol else observer.reader.tokenizers[0].decode([token]).strip()


def _belongs(spelled: Sequence[str], words: Sequence[str]) -> NDArray[np.float64] | None:
    """Return 1 where a token belongs to a word [word, token]; None unless they spell the words."""
    if "".join(spelled) != "".join(words):
        return None
    ends = np.cumsum([len(each) for each in words])
    starts = np.cumsum([0, *(len(each) for each in spelled)])[:-1]
    belongs = np.zeros((len(words), len(spelled)))
    for token, (start, text) in enumerate(zip(starts, spelled, strict=True)):
        if text:
            belongs[np.searchsorted(ends, start, side="right"), token] = 1
    return belongs


def _readable(allowed: NDArray[np.bool_], belongs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which other words a head may read from a word, by any of its tokens.

    allowed [head, token, token], belongs [word, token]; returns [head, word, word].
    """
    pairs = belongs @ allowed @ belongs.T > 0
    return np.asarray(pairs & ~np.eye(len(belongs), dtype=bool))


def _strongest(
    weights: NDArray[np.float32], belongs: NDArray[np.float64], readable: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the readable word of the largest weight for each word [head, word]; -1 for none.

    weights [head, token, token], belongs [word, token], readable [head, word, word].
    """
    means = belongs / belongs.sum(axis=1, keepdims=True)
    joined = np.where(readable, means @ weights @ belongs.T, -1)
    return np.where(readable.any(axis=-1), joined.argmax(axis=-1), -1)


def answerable(text: LinkedText, several: Sequence[Reads]) -> LinkedText:
    """Return a text with the questions whose answers some head of some network may read.

    A causal head reads nothing that comes later, whatever it has learned.
    """
    questions = {
        task: tuple(q for q in asked if any(each.may_answer(q) for each in several))
        for task, asked in text.questions.items()
    }
    return LinkedText(sentences=text.sentences, questions=questions)


def accuracy(right: NDArray[np.bool_], questions: Sequence[Question]) -> Accuracy:
    """Return the accuracy of answers [question] with its interval over resampled sentences."""
    numbers = np.unique([each.sentence for each in questions], return_inverse=True)[1]
    asked = np.bincount(numbers).astype(float)
    answered = np.bincount(numbers, weights=right)
    random = np.random.default_rng(1)
    drawn = random.integers(len(asked), size=(RESAMPLES, len(asked)))
    resampled = answered[drawn].sum(axis=1) / asked[drawn].sum(axis=1)
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Accuracy(value=float(right.mean()), low=float(low), high=float(high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The head that is best on the validation set, with its accuracy there and on the test set."""

    head: Head
    valid: float
    test: Accuracy


def choose(valid: Reads, test: Reads, asked: LinkedText, checked: LinkedText, task: str) -> Chosen:
    """Return the best head of a task by `asked`, the validation set, measured on `checked`."""
    right = valid.right(asked.questions[task]).mean(axis=1)
    best = int(right.argmax())
    questions = checked.questions[task]
    return Chosen(
        head=valid.heads[best],
        valid=float(right[best]),
        test=accuracy(test.right(questions)[best], questions),
    )


def of_head(reads: Reads, text: LinkedText, task: str, head: Head) -> Accuracy:
    """Return the accuracy of one head."""
    questions = text.questions[task]
    return accuracy(reads.right(questions)[reads.heads.index(head)], questions)


def chance(reads: Reads, text: LinkedText, task: str, head: Head) -> float:
    """Return the expected accuracy of a word drawn from those that the mask of a head allows."""
    place = reads.heads.index(head)
    drawn = []
    for each in text.questions[task]:
        words = reads.readable[each.sentence][place, each.word]
        drawn.append(words[each.answer] / max(1, words.sum()))
    return float(np.mean(drawn))


def nearest_noun(text: LinkedText, task: str) -> float:
    """Return the accuracy of the nearest noun before a word, or after it where none is before."""
    questions = text.questions[task]
    guesses = (_nearest(text.sentences[each.sentence].nouns, each.word) for each in questions)
    return float(np.mean([guess == q.answer for guess, q in zip(guesses, questions, strict=True)]))


def _nearest(nouns: Iterable[int], word: int) -> int | None:
    others = [each for each in nouns if each != word]
    before = [each for each in others if each < word]
    return max(before) if before else min(others, default=None)


def best_offset(asked: LinkedText, checked: LinkedText, task: str) -> tuple[int, float]:
    """Return the commonest distance of the validation set, and its accuracy on the test set."""
    distances = [each.answer - each.word for each in asked.questions[task]]
    offsets, counts = np.unique(distances, return_counts=True)
    offset = int(offsets[counts.argmax()])
    right = [each.answer - each.word == offset for each in checked.questions[task]]
    return offset, float(np.mean(right))
