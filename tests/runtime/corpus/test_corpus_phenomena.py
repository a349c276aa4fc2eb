"""Scoring: perfect on the references, and each planted error is caught where it belongs."""

import pytest

from runtime.corpus import Pair, Phenomenon, make_corpus
from runtime.scoring.phenomena import Score, accuracy

pytestmark = pytest.mark.quick

CASE, VERB_FINAL, ANTECEDENT = Phenomenon


def pair(german: str, **phenomena: tuple[str, ...]) -> Pair:
    expected = {Phenomenon(name.replace("_", "-")): texts for name, texts in phenomena.items()}
    return Pair(english="", german=german, phenomena=expected)


HELPED = pair(
    "Der König war froh, weil die Hexe dem alten Mann geholfen hat.",
    case=("dem alten Mann",),
    verb_final=("geholfen hat.",),
)
LAMP = pair(
    "Die Frau verkaufte die Lampe, weil sie alt war.", verb_final=("war.",), antecedent=("sie alt",)
)


def share(hypothesis: str, reference: Pair, phenomenon: Phenomenon) -> float:
    return accuracy([hypothesis], [reference.phenomena])[phenomenon].share


def test_references_are_right_throughout() -> None:
    test = make_corpus(train=0, valid=0, test=1000, seed=2).test
    scores = accuracy([pair.german for pair in test], [pair.phenomena for pair in test])
    assert set(scores) == set(Phenomenon)
    assert all(score.right == score.total > 300 for score in scores.values())


def test_empty_hypotheses_are_wrong_throughout() -> None:
    test = make_corpus(train=0, valid=0, test=50, seed=2).test
    scores = accuracy([""] * 50, [pair.phenomena for pair in test])
    assert set(scores) == set(Phenomenon)
    assert all(score.right == 0 < score.total for score in scores.values())


@pytest.mark.parametrize(
    "wrong",
    [
        "Der König war froh, weil die Hexe den alten Mann geholfen hat.",
        "Der König war froh, weil die Hexe der alte Mann geholfen hat.",
        "Der König war froh, weil die Hexe dem alter Mann geholfen hat.",
        "Der König war froh, weil die Hexe dem alten Mannes geholfen hat.",
        "Der König war froh, weil die Hexe dem Mann geholfen hat.",
    ],
)
def test_a_wrong_form_fails_case(wrong: str) -> None:
    assert share(wrong, HELPED, CASE) == 0
    assert share(wrong, HELPED, VERB_FINAL) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "Der König war froh, weil die Hexe hat geholfen dem alten Mann.",
        "Der König war froh, weil die Hexe hat dem alten Mann geholfen.",
        "Der König war froh, weil die Hexe geholfen hat dem alten Mann.",
        "Der König war froh, weil die Hexe dem alten Mann geholfen hat sie.",
    ],
)
def test_any_other_order_fails_verb_final(wrong: str) -> None:
    assert share(wrong, HELPED, VERB_FINAL) == 0
    assert share(wrong, HELPED, CASE) == 1


def test_english_order_with_one_verb_fails_verb_final() -> None:
    assert share("Die Frau verkaufte die Lampe, weil sie war alt.", LAMP, VERB_FINAL) == 0


@pytest.mark.parametrize("pronoun", ["er", "es", "ihn", "diese"])
def test_another_pronoun_fails_antecedent(pronoun: str) -> None:
    wrong = f"Die Frau verkaufte die Lampe, weil {pronoun} alt war."
    assert share(wrong, LAMP, ANTECEDENT) == 0
    assert share(wrong, LAMP, VERB_FINAL) == 1


def test_capitals_and_spaces_before_marks_do_not_matter() -> None:
    assert share("die frau verkaufte die lampe , weil sie alt war .", LAMP, VERB_FINAL) == 1


def test_a_phrase_expected_twice_must_be_there_twice() -> None:
    twice = pair("Sie half ihm, und ich half ihm.", case=("half ihm", "half ihm"))
    assert accuracy(["Sie half ihm."], [twice.phenomena])[CASE] == Score(right=1, total=2)


def test_nothing_asked_is_nothing_wrong() -> None:
    assert accuracy([], []) == {}
    assert accuracy(["Ja."], [{CASE: ()}]) == {CASE: Score(right=0, total=0)}
    assert Score(right=0, total=0).share == 1


def test_each_pair_needs_its_hypothesis() -> None:
    with pytest.raises(ValueError, match="expected 2 hypotheses, got 1"):
        accuracy(["Ja."], [LAMP.phenomena, HELPED.phenomena])
