"""How far one gets word for word: a dictionary learned from the training pairs must do badly."""

import re
from collections import defaultdict
from collections.abc import Sequence

import pytest
import sacrebleu

from runtime.corpus import Corpus, Pair, Phenomenon, make_corpus
from runtime.scoring.phenomena import accuracy

Table = dict[str, dict[str, float]]


def tokens(text: str) -> list[str]:
    """Words and marks, without the capital at the beginning."""
    return re.findall(r"\w+|[^\w\s]", text[:1].lower() + text[1:])


def words(text: str) -> list[str]:
    return [token for token in tokens(text) if token.isalpha()]


def learn_dictionary(pairs: Sequence[Pair], *, rounds: int = 8) -> dict[str, str]:
    """The likeliest German word for each English one, by IBM Model 1 (Brown et al. 1993)."""
    aligned = [(words(pair.english), words(pair.german)) for pair in pairs]
    table: Table = defaultdict(lambda: defaultdict(lambda: 1.0))
    for _ in range(rounds):
        table = _expected_counts(aligned, table)
    return {english: max(sorted(row), key=row.__getitem__) for english, row in table.items()}


def _expected_counts(aligned: list[tuple[list[str], list[str]]], table: Table) -> Table:
    counts: Table = defaultdict(lambda: defaultdict(float))
    for source, target in aligned:
        for german in target:
            shares = [table[english][german] for english in source]
            total = sum(shares)
            for english, share in zip(source, shares, strict=True):
                counts[english][german] += share / total
    return {
        english: {german: count / sum(row.values()) for german, count in row.items()}
        for english, row in ((word, dict(found)) for word, found in counts.items())
    }


def translate(text: str, dictionary: dict[str, str]) -> str:
    """Word for word; marks stay what they are."""
    joined = " ".join(dictionary.get(token, token) for token in tokens(text))
    joined = re.sub(r" ([,.])", r"\1", joined)
    return joined[:1].upper() + joined[1:]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(train=4000, valid=0, test=500, seed=1)


@pytest.fixture(scope="module")
def dictionary(corpus: Corpus) -> dict[str, str]:
    return learn_dictionary(corpus.train)


@pytest.fixture(scope="module")
def hypotheses(corpus: Corpus, dictionary: dict[str, str]) -> list[str]:
    return [translate(pair.english, dictionary) for pair in corpus.test]


def test_the_dictionary_knows_its_words(dictionary: dict[str, str]) -> None:
    known = {"dog": "Hund", "church": "Kirche", "because": "weil", "with": "mit", "he": "er"}
    assert {english: dictionary[english] for english in known} == known


@pytest.mark.quick
def test_word_for_word_scores_below_30_bleu(corpus: Corpus, hypotheses: list[str]) -> None:
    references = [[pair.german for pair in corpus.test]]
    bleu = sacrebleu.corpus_bleu(hypotheses, references)
    assert bleu.precisions[0] > 60, "the single words are mostly right"
    assert bleu.score < 30, f"{bleu.score:.1f}"


@pytest.mark.quick
def test_word_for_word_misses_the_phenomena(corpus: Corpus, hypotheses: list[str]) -> None:
    scores = accuracy(hypotheses, [pair.phenomena for pair in corpus.test])
    assert scores[Phenomenon.CASE].share < 0.3
    assert scores[Phenomenon.VERB_FINAL].share < 0.05
    assert scores[Phenomenon.ANTECEDENT].share < 0.5
