"""Determiners and personal pronouns, and those that take up a noun phrase."""

from dataclasses import replace

from runtime.corpus.inflection import personal_pronoun
from runtime.corpus.lexicon import nouns
from runtime.corpus.syntax import Nominal, NounPhrase, Pronoun, RelativePronoun
from runtime.corpus.words import Agreement, Case, Declension, Determiner, Gender, Noun, Number


def _ein_word(english: str, german: str) -> Determiner:
    return Determiner(
        english=english,
        english_plural=english,
        german=german,
        declension=Declension.EIN_WORD,
    )


THE = Determiner(english="the", english_plural="the", german="", declension=Declension.DEFINITE)
THIS = Determiner(
    english="this", english_plural="these", german="dies", declension=Declension.DER_WORD
)
A = Determiner(english="a", english_plural="", german="ein", declension=Declension.EIN_WORD)
MY = _ein_word("my", "mein")
OUR = _ein_word("our", "unser")
HIS = _ein_word("his", "sein")
HER = _ein_word("her", "ihr")
THEIR = _ein_word("their", "ihr")


def its(owner: Noun) -> Determiner:
    """The possessive of a thing or an animal, which in German depends on its gender."""
    return Determiner(
        english="its",
        english_plural="its",
        german="ihr" if owner.gender is Gender.FEMININE else "sein",
        declension=Declension.EIN_WORD,
        from_antecedent=True,
        antecedent=owner,
    )


def _pronoun(english: str, german: str, agreement: Agreement) -> Pronoun:
    return Pronoun(english=_three(english), german=_three(german), agreement=agreement)


def _three(forms: str) -> tuple[str, str, str]:
    """Nominative, accusative, dative."""
    nominative, accusative, dative = forms.split()
    return nominative, accusative, dative


I = _pronoun("I me me", "ich mich mir", Agreement.FIRST_SINGULAR)  # noqa: E741
WE = _pronoun("we us us", "wir uns uns", Agreement.PLURAL)
HE = _pronoun("he him him", "er ihn ihm", Agreement.THIRD_SINGULAR)
SHE = _pronoun("she her her", "sie sie ihr", Agreement.THIRD_SINGULAR)
THEY = _pronoun("they them them", "sie sie ihnen", Agreement.PLURAL)

FIRST_PERSON = (I, WE)
THIRD_PERSON = (HE, SHE, THEY)
_POSSESSIVES = ((I, MY), (WE, OUR), (HE, HIS), (SHE, HER), (THEY, THEIR))


def it(antecedent: Noun) -> Pronoun:
    """One word in English; er, sie or es in German."""
    nominative, accusative, dative = (
        personal_pronoun(case, antecedent.gender, Number.SINGULAR) for case in Case
    )
    return Pronoun(
        english=("it", "it", "it"),
        german=(nominative, accusative, dative),
        agreement=Agreement.THIRD_SINGULAR,
        from_antecedent=True,
        antecedent=antecedent,
    )


def pronoun_for(antecedent: Nominal) -> Pronoun:
    """The pronoun that takes up `antecedent`: he, she, it, they; a pronoun stays what it is."""
    if isinstance(antecedent, Pronoun):
        return antecedent
    assert isinstance(antecedent, NounPhrase)
    if antecedent.number is Number.PLURAL:
        return replace(THEY, antecedent=antecedent.noun)
    if antecedent.noun not in nouns("persons"):
        return it(antecedent.noun)
    # A girl is "es" by grammar and "sie" by sense: the grammar asks only for the others.
    assert antecedent.noun.gender is not Gender.NEUTER
    pronoun = HE if antecedent.noun.gender is Gender.MASCULINE else SHE
    return replace(pronoun, antecedent=antecedent.noun)


def possessives_for(owner: Nominal) -> tuple[Determiner, ...]:
    """his, her, their ... for what belongs to `owner`; none where it would be "its"."""
    if isinstance(owner, NounPhrase) and _is_neuter_or_no_person(owner):
        return ()
    if isinstance(owner, RelativePronoun):
        return ()
    taken_up_by = pronoun_for(owner)
    noun = taken_up_by.antecedent
    found = (word for pronoun, word in _POSSESSIVES if pronoun == taken_up_by)
    return tuple(replace(word, antecedent=noun) for word in found)


def _is_neuter_or_no_person(owner: NounPhrase) -> bool:
    return owner.noun not in nouns("persons") or owner.noun.gender is Gender.NEUTER
