"""What heads read, in numbers: compared with counting by hand, and with heads that are planted."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from compiler.page.model import Section
from runtime.attention.attention import Attention, Layer
from runtime.attention.claims import (
    Reads,
    _belongs,
    _readable,
    _strongest,
    accuracy,
    answerable,
    best_offset,
    chance,
    choose,
    nearest_noun,
    strongest_reads,
)
from runtime.attention.layers import CROSS, SELF
from runtime.attention.links import VERB, LinkedText, Question, Sentence
from runtime.attention.report import Answers, _task
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
    belongs = _belongs(["It", "la", "mp", ".", ""], ["It", "lamp", "."])
    assert belongs is not None
    readable = _readable(np.ones((1, 5, 5), bool), belongs)
    assert _strongest(weights, belongs, readable).tolist() == [[1, 2, 0]]
    assert _belongs(["It", "la", "??", ".", ""], ["It", "lamp", "."]) is None


def test_a_causal_head_reads_no_word_that_comes_later() -> None:
    """The first word has nothing to read: it is not said to read the second."""
    belongs = _belongs(["", "It", "la", "mp", "."], ["It", "lamp", "."])
    assert belongs is not None
    readable = _readable(np.tri(5, dtype=bool)[None], belongs)
    assert readable.tolist() == [[[False] * 3, [True, False, False], [True, True, False]]]
    weights = np.tri(5, dtype=np.float32)[None] / np.arange(1, 6)[:, None]
    assert _strongest(weights, belongs, readable).tolist() == [[-1, 0, 1]]


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
    names = tuple((1, n + 1) for n in range(len(heads)))
    return Reads(heads=names, strongest=strongest, readable=allowing("all", strongest))


def allowing(mask: str, strongest: tuple[NDArray[np.int64], ...]) -> tuple[NDArray[np.bool_], ...]:
    """Return the words that every head may read under the mask `all` or `causal`, in each text."""
    full = np.ones((len(WORDS), len(WORDS)), bool)
    own = (full if mask == "all" else np.tri(len(WORDS), dtype=bool)) & ~np.eye(5, dtype=bool)
    return tuple(np.stack([own] * len(each)) for each in strongest)


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
    reads = reads_of([1] * 4)
    assert chance(reads, text, TASK, (1, 1)) == pytest.approx(1 / 4)
    assert nearest_noun(text, TASK) == 3 / 4
    assert best_offset(text, text, TASK) == (-2, 1 / 2)


def test_chance_is_over_the_words_that_a_head_may_read() -> None:
    """A causal head has three words to draw from at the fourth word, and none of the later ones."""
    both = reads_of([1] * 3)
    causal = replace(both, readable=allowing("causal", both.strongest))  # type: ignore[arg-type]
    text = text_of([(3, 1), (1, 0), (0, 1)])
    left = answerable(text, [causal])
    assert left.questions[TASK] == text.questions[TASK][:2]
    assert answerable(text, [causal, both]) == text
    assert chance(causal, left, TASK, (1, 1)) == pytest.approx((1 / 3 + 1) / 2)
    assert chance(both, left, TASK, (1, 1)) == pytest.approx(1 / 4)
    assert chance(causal, text, TASK, (1, 1)) == pytest.approx((1 / 3 + 1 + 0) / 3)


def test_masks_are_those_of_the_heads(tmp_path: Path) -> None:
    """Words that come before are readable, also in a text of which a token is unknown."""
    observer = random_observer("language-model", tmp_path)
    words = ("the", "dog", "followed", "its", "owner", ".")
    known = Sentence(text="the dog fol@@ lowed its owner .", words=words, nouns=())
    unknown = replace(known, text="the dog fol@@ lowed its house .")
    reads = strongest_reads(observer, [known, unknown])
    assert reads.strongest[1] is None
    for each in reads.readable:
        assert each.shape == (len(reads.heads), 6, 6)
        assert (each == np.tri(6, k=-1, dtype=bool)).all()


def section_of(task: str, reads: Reads, text: LinkedText) -> Section:
    """Return what the page says of one run that answers a text, chosen and measured on it."""
    run = SimpleNamespace(folder=Path("run"))
    answers = Answers(valid=reads, test=reads)
    return _task(task, [(run, answers, answers)], text, text, asked=10)  # type: ignore[list-item]


def test_a_verb_has_no_nearest_noun_and_the_questions_left_are_counted() -> None:
    reads, text = reads_of([1] * 4), text_of([(3, 1)] * 4)
    verbs = replace(text, questions={VERB: text.questions[TASK]})
    said = [str(each) for each in section_of(TASK, reads, text).parts]
    assert "Baselines: chance 25.0%, the nearest noun 100.0%, the word -2 away 100.0%." in said[1]
    said = [str(each) for each in section_of(VERB, reads, verbs).parts]
    assert "Baselines: chance 25.0%, the word -2 away 100.0%." in said[1]
    assert "4 of 10 questions of the test set: the answers of the others are words" in said[1]
    assert "The interval of the chosen head does not lie above both" in said[2]


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
