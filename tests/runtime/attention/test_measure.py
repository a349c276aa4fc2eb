"""What heads read, in numbers: compared with counting by hand, and with heads that are planted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from runtime.attention.attention import Attention, Layer
from runtime.attention.claims import (
    Reads,
    _strongest,
    accuracy,
    best_offset,
    chance,
    choose,
    nearest_noun,
    strongest_reads,
)
from runtime.attention.layers import CROSS, SELF
from runtime.attention.links import LinkedText, Question, Sentence
from runtime.attention.statistics import statistics
from runtime.attention.words import Stream
from tests.support.attention import TEXT, random_observer

pytestmark = pytest.mark.quick
WORDS = ("a", "noun", "sees", "another", "noun")
TASK = "it, its → antecedent"


def text_with(weights: NDArray[np.float32], kind: str) -> Attention:
    """Return an attention of one layer; the text that is read ends with END."""
    stream = Stream(
        numbers=(*range(10, 9 + weights.shape[2]), 3),
        tokens=tuple("x" * weights.shape[2]),
        begins=(True,) * weights.shape[2],
        words=tuple("x" * weights.shape[2]),
    )
    layer = Layer(
        kind=kind, layer=1, weights=weights, allowed=weights >= 0, masks=("all",) * len(weights)
    )
    streams = {"source": stream, "target": stream}
    given: dict[str, Any] = {"run": "", "spec": "", "checkpoint": "", "task": "", "text": ""}
    return Attention(**given, streams=streams, layers=(layer,), without_weights=(), is_given=None)


def test_statistics_of_heads_that_read_one_place() -> None:
    size = 16
    eye = np.eye(size, dtype=np.float32)
    first, last = np.zeros_like(eye), np.zeros_like(eye)
    first[:, 0] = last[:, -1] = 1
    uniform = np.full_like(eye, 1 / size)
    previous = np.roll(eye, -1, axis=1)
    heads = np.stack([eye, previous, first, last, uniform])
    diagonal, before, of_first, of_end, even = statistics([text_with(heads, SELF["encoder"])])
    assert (diagonal.diagonal, diagonal.entropy, diagonal.distance) == (1, 0, 0)
    assert before.previous == pytest.approx(15 / 16)
    assert (of_first.first, of_first.distance) == (1, 7.5)
    assert of_first.far == 5 / 16
    assert of_end.end == 1
    assert even.entropy == pytest.approx(4)
    assert even.next == pytest.approx(15 / 256)
    offsets = np.abs(np.subtract.outer(range(size), range(size)))
    assert even.distance == pytest.approx(offsets.mean())
    assert even.far == pytest.approx((offsets > 10).mean())


def test_places_of_two_texts_are_not_compared() -> None:
    uniform = np.full((1, 4, 4), 0.25, dtype=np.float32)
    (found,) = statistics([text_with(uniform, CROSS)])
    assert (found.distance, found.diagonal, found.far) == (None, None, None)
    assert found.end == 0.25


def test_the_strongest_read_is_of_a_word_and_neither_itself_nor_end() -> None:
    """The second word has two tokens, of which each gets less than the third word."""
    weights = np.zeros((1, 5, 5), np.float32)
    weights[0, 0] = (0.1, 0.18, 0.18, 0.2, 0.34)
    weights[0, 1] = (0.5, 0.0, 0.1, 0.3, 0.1)
    weights[0, 2] = (0.0, 0.0, 0.1, 0.8, 0.1)
    weights[0, 3] = (0.3, 0.1, 0.1, 0.5, 0.0)
    found = _strongest(weights, ["It", "la", "mp", ".", ""], ["It", "lamp", "."])
    assert found is not None
    assert found.tolist() == [[1, 2, 0]]
    assert _strongest(weights, ["It", "la", "??", ".", ""], ["It", "lamp", "."]) is None


def text_of(answers: list[tuple[int, int]]) -> LinkedText:
    sentences = tuple(Sentence(text="", words=WORDS, nouns=(1, 4)) for _ in answers)
    questions = tuple(
        Question(sentence=number, word=word, answer=answer)
        for number, (word, answer) in enumerate(answers)
    )
    return LinkedText(sentences=sentences, questions={TASK: questions})


def reads_of(*heads: list[int]) -> Reads:
    """Return what each head reads from every word, the same for all words of a sentence."""
    rows = zip(*heads, strict=True)
    strongest = tuple(np.array([[read] * len(WORDS) for read in row]) for row in rows)
    return Reads(heads=tuple((1, n + 1) for n in range(len(heads))), strongest=strongest)


def test_the_head_is_chosen_on_one_text_and_measured_on_another() -> None:
    asked, checked = text_of([(3, 1)] * 4), text_of([(3, 1), (3, 1), (3, 4), (3, 4)])
    valid = reads_of([4, 4, 1, 4], [1, 1, 1, 4])
    test = reads_of([1, 1, 4, 4], [1, 4, 1, 1])
    best = choose(valid, test, asked, checked, TASK)
    assert (best.head, best.valid, best.test.value) == ((1, 2), 0.75, 0.25)
    assert best.test.low == 0
    assert best.test.high <= 0.75


def test_baselines() -> None:
    text = text_of([(3, 1), (3, 1), (0, 1), (2, 4)])
    assert chance(text, TASK) == pytest.approx(1 / 4)
    assert nearest_noun(text, TASK) == 3 / 4
    assert best_offset(text, text, TASK) == (-2, 1 / 2)


def test_the_interval_is_that_of_whole_sentences() -> None:
    """Ten answers of one sentence stand or fall together, as those of ten sentences do not."""
    together = [Question(sentence=n // 10, word=0, answer=1) for n in range(100)]
    right = np.array([each.sentence < 5 for each in together])
    apart = [Question(sentence=n, word=0, answer=1) for n in range(100)]
    wide, narrow = accuracy(right, together), accuracy(right, apart)
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_reads_of_a_batch_are_those_of_a_text_alone(tmp_path: Path) -> None:
    observer = random_observer("demo", tmp_path)
    words = ("the", "dog", "followed", "its", "owner", "into", "the", "forest", ".")
    sentence = Sentence(text=TEXT, words=words, nouns=(1, 4, 7))
    other = Sentence(text="so far .", words=("so", "far", "."), nouns=())
    with torch.inference_mode():
        reads = strongest_reads(observer, [sentence, other, sentence])
    found = observer.attention(TEXT, "so far")
    assert reads.heads == tuple((layer, head) for layer in (1, 2) for head in (1, 2, 3, 4))
    for number, layer in enumerate((1, 2)):
        joined = found.words(found.layer(SELF["encoder"], layer)).values[:, :-1, :-1]
        np.einsum("hqq->hq", joined)[:] = -1
        rows = slice(4 * number, 4 * number + 4)
        for place in (0, 2):
            read = reads.strongest[place]
            assert read is not None
            np.testing.assert_array_equal(read[rows], joined.argmax(-1))
