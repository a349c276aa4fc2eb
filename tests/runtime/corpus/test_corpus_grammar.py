"""The stream of pairs: deterministic, without repetition, a function of the English sentence."""

import os
import subprocess
import sys
from collections import Counter
from itertools import islice

import pytest

from runtime.corpus import Corpus, Pair, Phenomenon, make_corpus, pairs

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(train=6000, valid=500, test=500, seed=11)


def take(count: int, seed: int) -> list[Pair]:
    return list(islice(pairs(seed), count))


def test_the_seed_decides_everything() -> None:
    assert take(300, seed=3) == take(300, seed=3)
    assert take(300, seed=3) != take(300, seed=4)


def test_the_order_of_hashes_does_not_matter() -> None:
    program = (
        "from itertools import islice; from runtime.corpus import pairs\n"
        "for pair in islice(pairs(5), 200): print(pair)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_torch_stays_outside() -> None:
    program = "import runtime.corpus, sys; sys.exit('torch' in sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_no_english_sentence_comes_twice(corpus: Corpus) -> None:
    sentences = [pair.english for pair in (*corpus.train, *corpus.valid, *corpus.test)]
    assert len(set(sentences)) == len(sentences) == 7000


def test_test_and_validation_stay_when_training_grows(corpus: Corpus) -> None:
    smaller = make_corpus(train=10, valid=500, test=500, seed=11)
    assert (smaller.test, smaller.valid) == (corpus.test, corpus.valid)
    assert smaller.train == corpus.train[:10]


def test_the_translation_is_a_function_of_the_english() -> None:
    translations: dict[str, str] = {}
    for seed in range(4):
        for pair in take(4000, seed):
            assert translations.setdefault(pair.english, pair.german) == pair.german


def test_sentences_are_well_formed(corpus: Corpus) -> None:
    for pair in corpus.train:
        for text in (pair.english, pair.german):
            assert text[0].isupper()
            assert text.endswith(".")
            assert text == " ".join(text.split())
            assert not any(marks in text for marks in (" ,", " .", ",,", ",.", ".."))


def test_sentences_are_of_a_readable_length(corpus: Corpus) -> None:
    lengths = [len(pair.english.split()) for pair in corpus.train]
    assert 9 <= sum(lengths) / len(lengths) <= 12
    assert max(lengths) <= 25


def test_every_phenomenon_is_asked_for_often(corpus: Corpus) -> None:
    asked = Counter(phenomenon for pair in corpus.test for phenomenon in pair.phenomena)
    assert all(asked[phenomenon] >= 150 for phenomenon in Phenomenon)


def test_expected_phrases_stand_in_the_german(corpus: Corpus) -> None:
    for pair in corpus.test:
        for phrases in pair.phenomena.values():
            assert all(phrase.lower() in pair.german.lower() for phrase in phrases)


def test_it_has_every_gender(corpus: Corpus) -> None:
    german = [pair.german for pair in corpus.train if " because it " in pair.english]
    for pronoun in ("er", "sie", "es"):
        assert sum(f", weil {pronoun} " in text for text in german) > 10


def test_unseen_test_sentences_use_seen_words() -> None:
    corpus = make_corpus(train=20000, valid=0, test=500, seed=1)
    seen = {word for pair in corpus.train for word in pair.german.lower().split()}
    words = [word for pair in corpus.test for word in pair.german.lower().split()]
    assert sum(word in seen for word in words) / len(words) > 0.995
