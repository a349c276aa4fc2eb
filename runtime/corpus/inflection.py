"""German inflection: articles, adjective endings, nouns, pronouns and verb forms."""

from dataclasses import dataclass

from runtime.corpus.words import (
    Adjective,
    Agreement,
    Case,
    Declension,
    Determiner,
    Gender,
    GermanForms,
    Modal,
    Noun,
    Number,
    Tense,
    Verb,
)

Paradigm = dict[Case, tuple[str, ...]]


def _paradigm(nominative: str, accusative: str, dative: str) -> Paradigm:
    """Four forms a case: masculine, feminine, neuter, plural; "-" is no ending."""
    rows = {Case.NOMINATIVE: nominative, Case.ACCUSATIVE: accusative, Case.DATIVE: dative}
    return {case: tuple(row.replace("-", "").split(" ")) for case, row in rows.items()}


_ARTICLE = _paradigm("der die das die", "den die das die", "dem der dem den")
_RELATIVE = _paradigm("der die das die", "den die das die", "dem der dem denen")
_PERSONAL = _paradigm("er sie es sie", "ihn sie es sie", "ihm ihr ihm ihnen")
_STRONG = _paradigm("er e es e", "en e es e", "em er em en")
_EIN_WORD = _paradigm("- e - e", "en e - e", "em er em en")
_AFTER_DER_WORD = _paradigm("e e e en", "en e e en", "en en en en")
_AFTER_EIN_WORD = _paradigm("er e es en", "en e es en", "en en en en")

_GENDERS = (Gender.MASCULINE, Gender.FEMININE, Gender.NEUTER)


def _form(paradigm: Paradigm, case: Case, gender: Gender, number: Number) -> str:
    column = 3 if number is Number.PLURAL else _GENDERS.index(gender)
    return paradigm[case][column]


def relative_pronoun(case: Case, gender: Gender, number: Number) -> str:
    return _form(_RELATIVE, case, gender, number)


def personal_pronoun(case: Case, gender: Gender, number: Number) -> str:
    return _form(_PERSONAL, case, gender, number)


def has_plural_form(determiner: Determiner, number: Number) -> bool:
    """The plural of the indefinite article is no article at all, in both languages."""
    return number is Number.SINGULAR or bool(determiner.english_plural)


def determiner(word: Determiner, case: Case, gender: Gender, number: Number) -> str:
    """den, diesen, einen, meinen ...; empty for the indefinite plural"""
    if not has_plural_form(word, number):
        return ""
    match word.declension:
        case Declension.DEFINITE:
            return _form(_ARTICLE, case, gender, number)
        case Declension.DER_WORD:
            return word.german + _form(_STRONG, case, gender, number)
        case Declension.EIN_WORD:
            return word.german + _form(_EIN_WORD, case, gender, number)


def attributive(
    word: Adjective, after: Determiner, case: Case, gender: Gender, number: Number
) -> str:
    """The adjective before its noun, with the ending that the determiner leaves to it."""
    paradigm = _AFTER_DER_WORD
    if after.declension is Declension.EIN_WORD:
        paradigm = _AFTER_EIN_WORD
    if not has_plural_form(after, number):
        paradigm = _STRONG
    return word.attributive + _form(paradigm, case, gender, number)


def noun(word: Noun, case: Case, number: Number) -> str:
    if number is Number.SINGULAR:
        return _weak(word) if word.weak and case is not Case.NOMINATIVE else word.german
    if case is Case.DATIVE and not word.german_plural.endswith(("n", "s")):
        return word.german_plural + "n"
    return word.german_plural


def _weak(word: Noun) -> str:
    """A weak noun looks like its plural: den Jungen, dem Studenten, den Nachbarn."""
    return word.german_plural


_BE = ("bin", "ist", "sind")
_HAVE = ("habe", "hat", "haben")
_BECOME = ("werde", "wird", "werden")
_IRREGULAR = {"sein": _BE, "wissen": ("weiß", "weiß", "wissen")}
_PERSONS = (Agreement.FIRST_SINGULAR, Agreement.THIRD_SINGULAR, Agreement.PLURAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbGroup:
    """The two brackets of a German clause: the finite verb, and what stands at the end."""

    finite: str
    end: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def bracket(self) -> tuple[str, ...]:
        """The right bracket of a main clause: ... hat ... *angerufen*, ruft ... *an*"""
        return (*self.end, self.prefix) if self.prefix else self.end

    @property
    def verb_final(self) -> tuple[str, ...]:
        """The whole group at the end of a subordinate clause: *angerufen hat*, *anruft*"""
        return (*self.end, self.prefix + self.finite)


def verb_group(verb: Verb, tense: Tense, modal: Modal | None, agreement: Agreement) -> VerbGroup:
    person = _PERSONS.index(agreement)
    if modal is not None:
        finite = modal.german[person + (3 if tense is Tense.PAST else 0)]
        return VerbGroup(finite=finite, end=(infinitive(verb),))
    match tense:
        case Tense.PERFECT:
            auxiliary = _BE if verb.moves else _HAVE
            participle = verb.german.prefix + verb.german.participle
            return VerbGroup(finite=auxiliary[person], end=(participle,))
        case Tense.FUTURE:
            return VerbGroup(finite=_BECOME[person], end=(infinitive(verb),))
        case Tense.PAST:
            return VerbGroup(finite=_past(verb.german, person), prefix=verb.german.prefix)
        case Tense.SIMPLE | Tense.PROGRESSIVE:
            return VerbGroup(finite=_present(verb.german, person), prefix=verb.german.prefix)


def infinitive(verb: Verb) -> str:
    return verb.german.prefix + verb.german.infinitive


def infinitive_with_zu(verb: Verb) -> tuple[str, ...]:
    """zu rufen, but anzurufen"""
    if verb.german.prefix:
        return (verb.german.prefix + "zu" + verb.german.infinitive,)
    return ("zu", verb.german.infinitive)


def _present(forms: GermanForms, person: int) -> str:
    if forms.infinitive in _IRREGULAR:
        return _IRREGULAR[forms.infinitive][person]
    stem = forms.infinitive.removesuffix("n").removesuffix("e")
    return (stem + "e", forms.third, forms.infinitive)[person]


def _past(forms: GermanForms, person: int) -> str:
    plural = forms.past + ("n" if forms.past.endswith("e") else "en")
    return (forms.past, forms.past, plural)[person]
