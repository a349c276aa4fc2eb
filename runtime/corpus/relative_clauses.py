"""Sentences with a relative clause: gender and number of the noun, case of its own clause."""

from dataclasses import replace

from runtime.corpus.adjectives import CONDITIONS, FEELINGS
from runtime.corpus.draw import Draw, be, qualities, with_quality
from runtime.corpus.function_words import IN, THE
from runtime.corpus.intransitive_verbs import LAUGH, MOTION, SLEEP, TALK, WAIT, WORK
from runtime.corpus.nouns import BUILDINGS, INDOORS, PEOPLE, PERSONS
from runtime.corpus.syntax import (
    Clause,
    NounPhrase,
    PrepositionalPhrase,
    RelativePronoun,
    Sentence,
)
from runtime.corpus.transitive_verbs import (
    ACTIONS,
    BUY,
    FIND,
    HEAR,
    HELP,
    HIDE,
    INVITE,
    KNOW,
    LOOK_FOR,
    LOSE,
    REPAIR,
    SEE,
    SELL,
    THANK,
    TRUST,
    VISIT,
    WATCH,
)
from runtime.corpus.words import Appeal, Noun, Number, Tense

DEEDS = (*ACTIONS, *MOTION, TALK, WAIT, LAUGH, FIND, LOSE)
DONE_TO_THINGS = (BUY, SELL, FIND, REPAIR, HIDE)
DONE_TO_PERSONS = (HELP, THANK, VISIT, INVITE, SEE, HEAR, WATCH)
OPINIONS = tuple(Appeal)


def acting_subject(draw: Draw) -> Sentence:
    """The man who has bought the boat is happy."""
    head = _head(draw, PEOPLE)
    tense, before = _tenses(draw)
    relative = draw.clause(draw.one_of(DEEDS), before, subject=_gap(head))
    return Sentence(main=be(_with(head, relative), draw.one_of(FEELINGS), tense))


def acting_object(draw: Draw) -> Sentence:
    """I thanked the woman who found the key."""
    subject = draw.subject()
    verb = draw.one_of((KNOW, TRUST, LOOK_FOR, SEE, THANK, HELP, VISIT))
    tense = draw.tense(verb) if verb in (KNOW, TRUST) else Tense.PAST
    before = Tense.PERFECT if tense is Tense.SIMPLE else Tense.PAST
    head = _head(draw, PEOPLE)
    head = _with(head, draw.clause(draw.one_of(DEEDS), before, subject=_gap(head)))
    if verb.dative:
        return Sentence(main=draw.clause(verb, tense, subject=subject, dative=head))
    return Sentence(main=draw.clause(verb, tense, subject=subject, direct=head))


def affected_person(draw: Draw) -> Sentence:
    """The boy whom my mother has helped is hungry."""
    head = _head(draw, PEOPLE)
    tense, before = _tenses(draw)
    verb, gap = draw.one_of(DONE_TO_PERSONS), _gap(head)
    direct, dative = (None, gap) if verb.dative else (gap, None)
    relative = draw.clause(verb, before, direct=direct, dative=dative, setting=0.3)
    return Sentence(main=be(_with(head, relative), draw.one_of(FEELINGS + CONDITIONS), tense))


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
    head = _head(draw, with_quality(BUILDINGS + INDOORS, *OPINIONS))
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    where = PrepositionalPhrase(preposition=IN, object=_gap(head))
    relative = draw.clause(draw.one_of((WORK, SLEEP)), tense, subject=draw.subject())
    relative = replace(relative, prepositional=(where,))
    quality = draw.one_of(qualities(head.noun, *OPINIONS))
    return Sentence(main=be(_with(head, relative), quality, tense))


def _tenses(draw: Draw) -> tuple[Tense, Tense]:
    """Of the main clause, and of what happened before."""
    return draw.one_of(((Tense.SIMPLE, Tense.PERFECT), (Tense.PAST, Tense.PAST)))


def _head(draw: Draw, candidates: tuple[Noun, ...] | list[Noun]) -> NounPhrase:
    """A noun phrase about to get a relative clause."""
    noun = draw.noun(candidates)
    number = Number.PLURAL if draw.chance(0.2) else Number.SINGULAR
    return NounPhrase(noun=noun, number=number, determiner=THE)


def _gap(head: NounPhrase) -> RelativePronoun:
    human = head.noun in PERSONS
    return RelativePronoun(gender=head.noun.gender, number=head.number, human=human)


def _with(head: NounPhrase, relative: Clause) -> NounPhrase:
    return replace(head, relative=relative)
