"""Determiners, prepositions, adverbs, conjunctions and modal verbs."""

from runtime.corpus.words import (
    Adverb,
    Case,
    Conjunction,
    Declension,
    Determiner,
    Gender,
    Modal,
    Preposition,
    Tense,
)


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


def its(owner: Gender) -> Determiner:
    """The possessive of a thing or an animal, which in German depends on its gender."""
    return Determiner(
        english="its",
        english_plural="its",
        german="ihr" if owner is Gender.FEMININE else "sein",
        declension=Declension.EIN_WORD,
        from_antecedent=True,
    )


def _preposition(english: str, german: str, case: Case, *fuses: tuple[str, str]) -> Preposition:
    return Preposition(english=english, german=german, case=case, fuses=fuses)


IN = _preposition("in", "in", Case.DATIVE, ("dem", "im"))
INTO = _preposition("into", "in", Case.ACCUSATIVE, ("das", "ins"))
TO = _preposition("to", "zu", Case.DATIVE, ("dem", "zum"), ("der", "zur"))
OUT_OF = _preposition("out of", "aus", Case.DATIVE)
BACK_FROM = _preposition("from", "aus", Case.DATIVE)
FROM = _preposition("from", "von", Case.DATIVE, ("dem", "vom"))
BEHIND = _preposition("behind", "hinter", Case.DATIVE)
IN_FRONT_OF = _preposition("in front of", "vor", Case.DATIVE)
WITH = _preposition("with", "mit", Case.DATIVE)
WITHOUT = _preposition("without", "ohne", Case.ACCUSATIVE)
WAIT_FOR = _preposition("for", "auf", Case.ACCUSATIVE)
TALK_TO = _preposition("to", "mit", Case.DATIVE)
THINK_OF = _preposition("of", "an", Case.ACCUSATIVE)
DREAM_OF = _preposition("of", "von", Case.DATIVE, ("dem", "vom"))
LAUGH_AT = _preposition("at", "über", Case.ACCUSATIVE)
PROUD_OF = _preposition("of", "auf", Case.ACCUSATIVE)
FAMOUS_FOR = _preposition("for", "für", Case.ACCUSATIVE)


def _time(english: str, german: str, *tenses: Tense) -> Adverb:
    return Adverb(english=english, german=german, tenses=tenses)


def _comment(english: str, german: str) -> Adverb:
    return Adverb(english=english, german=german, tenses=tuple(Tense), comma=True)


TIMES = (
    _time("now", "jetzt", Tense.PROGRESSIVE),
    _time("today", "heute", Tense.PROGRESSIVE, Tense.PERFECT),
    _time("every day", "jeden Tag", Tense.SIMPLE),
    _time("every evening", "jeden Abend", Tense.SIMPLE),
    _time("on Sundays", "sonntags", Tense.SIMPLE),
    _time("yesterday", "gestern", Tense.PAST),
    _time("last week", "letzte Woche", Tense.PAST),
    _time("last year", "letztes Jahr", Tense.PAST),
    _time("on Monday", "am Montag", Tense.PAST, Tense.FUTURE),
    _time("this week", "diese Woche", Tense.PERFECT, Tense.FUTURE),
    _time("tomorrow", "morgen", Tense.FUTURE),
    _time("next week", "nächste Woche", Tense.FUTURE),
    _time("tonight", "heute Abend", Tense.FUTURE),
)
COMMENTS = (
    _comment("unfortunately", "leider"),
    _comment("fortunately", "zum Glück"),
    _comment("of course", "natürlich"),
)

BECAUSE = Conjunction(english="because", german="weil")
ALTHOUGH = Conjunction(english="although", german="obwohl")
IF = Conjunction(english="if", german="wenn")
WHEN = Conjunction(english="when", german="als")
WHILE = Conjunction(english="while", german="während")
THAT = Conjunction(english="that", german="dass")
WHETHER = Conjunction(english="whether", german="ob")
AND = Conjunction(english="and", german="und")
BUT = Conjunction(english="but", german="aber")


def _modal(english: str, german: str) -> Modal:
    """Six forms each, separated by commas: I, she, we in the present, then in the past."""
    return Modal(english=_six(english), german=_six(german))


def _six(forms: str) -> tuple[str, str, str, str, str, str]:
    first, third, plural, past_first, past_third, past_plural = forms.split(", ")
    return first, third, plural, past_first, past_third, past_plural


CAN = _modal(
    "can, can, can, could, could, could",
    "kann, kann, können, konnte, konnte, konnten",
)
MUST = _modal(
    "must, must, must, had to, had to, had to",
    "muss, muss, müssen, musste, musste, mussten",
)
WANT = _modal(
    "want to, wants to, want to, wanted to, wanted to, wanted to",
    "will, will, wollen, wollte, wollte, wollten",
)
MODALS = (CAN, MUST, WANT)
