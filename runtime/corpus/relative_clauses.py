"""Sentences with a relative clause: gender and number of the noun, case of its own clause."""

from dataclasses import replace

from runtime.corpus.draw import Draw, be, qualities, with_quality
from runtime.corpus.lexicon import PREPOSITIONS, adjectives, nouns, verbs
from runtime.corpus.pronouns import THE
from runtime.corpus.syntax import Clause, NounPhrase, PrepositionalPhrase, RelativePronoun, Sentence
from runtime.corpus.words import Appeal, Noun, Number, Tense

DEEDS = verbs("actions", "motion", "talk", "wait", "laugh", "find", "lose")
DONE_TO_THINGS = verbs("buy", "sell", "find", "repair", "hide")
DONE_TO_PERSONS = verbs("help", "thank", "visit", "invite", "see", "hear", "watch")
OPINIONS = tuple(Appeal)


def acting_subject(draw: Draw) -> Sentence:
    """The man who has bought the boat is happy."""
    head = _head(draw, nouns("people"))
    tense, before = _tenses(draw)
    relative = draw.clause(draw.one_of(DEEDS), before, subject=_gap(head))
    return Sentence(main=be(_with(head, relative), draw.one_of(adjectives("feelings")), tense))


def acting_object(draw: Draw) -> Sentence:
    """I thanked the woman who found the key."""
    subject = draw.subject()
    verb = draw.one_of(verbs("know", "trust", "look for", "see", "thank", "help", "visit"))
    tense = draw.tense(verb) if verb in verbs("know", "trust") else Tense.PAST
    before = Tense.PERFECT if tense is Tense.SIMPLE else Tense.PAST
    head = _head(draw, nouns("people"))
    head = _with(head, draw.clause(draw.one_of(DEEDS), before, subject=_gap(head)))
    if verb.dative:
        return Sentence(main=draw.clause(verb, tense, subject=subject, dative=head))
    return Sentence(main=draw.clause(verb, tense, subject=subject, direct=head))


def affected_person(draw: Draw) -> Sentence:
    """The boy whom my mother has helped is hungry."""
    head = _head(draw, nouns("people"))
    tense, before = _tenses(draw)
    verb, gap = draw.one_of(DONE_TO_PERSONS), _gap(head)
    direct, dative = (None, gap) if verb.dative else (gap, None)
    relative = draw.clause(verb, before, direct=direct, dative=dative, setting=0.3)
    return Sentence(
        main=be(
            _with(head, relative),
            draw.one_of(adjectives("feelings", "conditions")),
            tense,
        )
    )


def affected_thing(draw: Draw) -> Sentence:
    """The lamp that my aunt bought was beautiful."""
    verb = draw.one_of(DONE_TO_THINGS)
    head = _head(draw, with_quality(verb.direct, *OPINIONS))
    tense, before = _tenses(draw)
    relative = draw.clause(verb, before, subject=draw.subject(), direct=_gap(head))
    quality = draw.one_of(qualities(head.noun, *OPINIONS))
    return Sentence(main=be(_with(head, relative), quality, tense))


def place(draw: Draw) -> Sentence:
    """The house in which the doctor works is old."""
    head = _head(draw, with_quality(nouns("buildings", "indoors"), *OPINIONS))
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    where = PrepositionalPhrase(preposition=PREPOSITIONS["in"], object=_gap(head))
    relative = draw.clause(draw.one_of(verbs("work", "sleep")), tense, subject=draw.subject())
    relative = replace(relative, prepositional=(where,))
    quality = draw.one_of(qualities(head.noun, *OPINIONS))
    return Sentence(main=be(_with(head, relative), quality, tense))


def _tenses(draw: Draw) -> tuple[Tense, Tense]:
    """Draws the tense of the main clause, and that of what happened before."""
    return draw.one_of(((Tense.SIMPLE, Tense.PERFECT), (Tense.PAST, Tense.PAST)))


def _head(draw: Draw, candidates: tuple[Noun, ...] | list[Noun]) -> NounPhrase:
    """A noun phrase about to get a relative clause."""
    noun = draw.noun(candidates)
    number = Number.PLURAL if draw.chance(0.2) else Number.SINGULAR
    return NounPhrase(noun=noun, number=number, determiner=THE)


def _gap(head: NounPhrase) -> RelativePronoun:
    human = head.noun in nouns("persons")
    return RelativePronoun(gender=head.noun.gender, number=head.number, human=human)


def _with(head: NounPhrase, relative: Clause) -> NounPhrase:
    return replace(head, relative=relative)
