"""The positions of antecedents and verbs, which the tree gives and the text does not show."""

import json
from collections import Counter
from pathlib import Path

import pytest

from runtime.corpus import Corpus, make_corpus, write_corpus
from runtime.corpus.lexicon import nouns
from runtime.corpus.pronouns import THE, THEY, pronoun_for
from runtime.corpus.syntax import NounPhrase
from runtime.corpus.words import Number

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(train=0, valid=0, test=1500, seed=3)


SENTENCES = {
    "Although the sausage was expensive, the young waitress has bought it.": (
        [("it", "sausage", "it")],
        [("sausage", "was"), ("waitress", "bought")],
    ),
    "The clever actress fed the goat and showed it to her friend.": (
        [("it", "goat", "it"), ("her", "actress", "possessive")],
        [("actress", "fed")],
    ),
    "The child who has drawn this dark library is angry.": (
        [("who", "child", "relative")],
        [("child", "is"), ("who", "drawn")],
    ),
    "My goat hid its blanket in the old school.": (
        [("its", "goat", "its")],
        [("goat", "hid")],
    ),
    "We thanked the policeman who thanked her.": (
        [("who", "policeman", "relative")],
        [("We", "thanked"), ("who", "thanked")],
    ),
    "If we follow the child, they will return the boats to their daughter.": (
        [],
        [("we", "follow"), ("they", "return")],
    ),
}


def test_links_of_sentences_that_were_read_by_hand() -> None:
    test = make_corpus(train=0, valid=0, test=14, seed=1).test
    pairs = {each.english: each.links for each in test}
    for english, (antecedents, verbs) in SENTENCES.items():
        links = pairs[english]
        words = links.words
        assert [
            (words[each.pronoun], words[each.antecedent], each.kind) for each in links.antecedents
        ] == antecedents
        assert [(words[each.subject], words[each.verb]) for each in links.verbs] == verbs


def test_words_spell_the_sentence(corpus: Corpus) -> None:
    for pair in corpus.test:
        assert "".join(pair.links.words) == pair.english.replace(" ", "")


PRONOUNS = {
    "it": {"it"},
    "its": {"its"},
    "personal": {"he", "she", "they"},
    "possessive": {"his", "her", "their"},
    "relative": {"who", "whom", "that", "which"},
}


def test_pronouns_are_pronouns_and_antecedents_are_nouns(corpus: Corpus) -> None:
    seen = Counter[str]()
    for pair in corpus.test:
        links = pair.links
        for each in links.antecedents:
            assert links.words[each.pronoun] in PRONOUNS[each.kind]
            assert each.antecedent in links.nouns
            seen[each.kind] += 1
    assert all(seen[kind] > 50 for kind in PRONOUNS)


def test_it_and_its_have_an_antecedent_wherever_they_stand(corpus: Corpus) -> None:
    for pair in corpus.test:
        words = [word.lower() for word in pair.links.words]
        own = [each for each in pair.links.antecedents if each.kind in ("it", "its")]
        assert len(own) == words.count("it") + words.count("its")


def test_each_clause_with_a_subject_has_a_verb(corpus: Corpus) -> None:
    for pair in corpus.test:
        verbs = [each.verb for each in pair.links.verbs]
        assert verbs
        assert len(set(verbs)) == len(verbs)
        assert all(each.subject < each.verb for each in pair.links.verbs)


def test_a_pronoun_is_the_same_word_with_and_without_its_antecedent() -> None:
    people = NounPhrase(noun=nouns("persons")[0], number=Number.PLURAL, determiner=THE)
    assert pronoun_for(people) == THEY
    assert pronoun_for(people).antecedent is people.noun


def test_links_are_written_beside_the_texts(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, train=2, valid=3, test=4, seed=5)
    for split, pairs in (("valid", corpus.valid), ("test", corpus.test)):
        lines = (tmp_path / f"{split}.links.jsonl").read_text(encoding="utf-8").splitlines()
        written = [json.loads(line) for line in lines]
        assert written == [json.loads(json.dumps(pair.links.record())) for pair in pairs]
