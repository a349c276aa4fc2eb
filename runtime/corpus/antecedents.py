"""Sentences with "it" and "its": in German, the gender of another word decides.

Each has exactly one noun that the pronoun can mean (the others are persons, or are mentioned
too late), so that the translation is a function of the English sentence.
"""

from collections.abc import Sequence
from dataclasses import replace

from runtime.corpus.adjectives import FAMOUS, HUNGRY, ILL, PROUD, TIRED, are_opposites
from runtime.corpus.draw import BACKGROUND, Draw, be, qualities, with_quality
from runtime.corpus.function_words import (
    ALTHOUGH,
    AND,
    BECAUSE,
    BUT,
    FAMOUS_FOR,
    IF,
    PROUD_OF,
    THE,
    THIS,
    WAIT_FOR,
    WHEN,
    its,
)
from runtime.corpus.intransitive_verbs import FALL_ASLEEP, RUN, SIT, SLEEP, WAIT
from runtime.corpus.nouns import (
    ANIMALS,
    BUILDINGS,
    COMMUNITIES,
    ESTATES,
    FOOD,
    GOODS,
    LANDMARKS,
    OWNER,
    PERSONS,
    PRINT,
    PROFESSIONS,
    SIGHTS,
    TREASURES,
    VEHICLES,
    YARD,
)
from runtime.corpus.pronouns import it, pronoun_for
from runtime.corpus.syntax import (
    Clause,
    Coordinate,
    NounPhrase,
    PrepositionalPhrase,
    Sentence,
    Subordinate,
)
from runtime.corpus.transitive_verbs import (
    BRING,
    BUY,
    DRAW,
    FEED,
    FIND,
    FOLLOW,
    GIVE,
    HEAR,
    HIDE,
    LEND,
    LOOK_FOR,
    LOSE,
    LOVE,
    READ,
    REPAIR,
    RETURN,
    SEE,
    SELL,
    SEND,
    SHOW,
    TRUST,
    VISIT,
    WASH,
    WATCH,
)
from runtime.corpus.words import Appeal, Conjunction, Noun, Number, Tense, Verb

WELCOME = (
    (BUY, GOODS + FOOD),
    (VISIT, BUILDINGS[1:]),
    (READ, PRINT),
    (DRAW, SIGHTS + ANIMALS),
)
UNWELCOME = ((SELL, GOODS + ANIMALS),)
RESTING, MOVING = (SLEEP, FALL_ASLEEP, SIT), (RUN, FOLLOW)
CONDITIONED = (
    (RESTING, BECAUSE, TIRED),
    (RESTING, BECAUSE, ILL),
    (RESTING, ALTHOUGH, HUNGRY),
    (MOVING, BECAUSE, HUNGRY),
    (MOVING, ALTHOUGH, TIRED),
    (MOVING, ALTHOUGH, ILL),
)
Sequel = tuple[Verb, tuple[Noun, ...], tuple[Verb, ...]]
# What one does to a thing, and what one may then do to it.
ENCOUNTERS: tuple[Sequel, ...] = (
    (FIND, FIND.direct, (RETURN, SHOW, BRING, HIDE, GIVE)),
    (SEE, ANIMALS, (FOLLOW, WATCH, DRAW)),
    (HEAR, ANIMALS, (FOLLOW, LOOK_FOR)),
)
SEQUELS: tuple[Sequel, ...] = (
    *ENCOUNTERS,
    (BUY, GOODS, (GIVE, SHOW, SEND, BRING)),
    (READ, PRINT, (RETURN, GIVE, LEND)),
    (REPAIR, VEHICLES, (SELL, SHOW, LEND)),
    (FEED, ANIMALS, (WASH, SHOW)),
)


def reason(draw: Draw) -> Sentence:
    """The woman bought the lamp because it was cheap."""
    acts, appeal = draw.one_of(((WELCOME, Appeal.FOR), (UNWELCOME, Appeal.AGAINST)))
    return _judged(draw, acts, appeal, BECAUSE)


def objection(draw: Draw) -> Sentence:
    """The woman has bought the lamp although it was expensive."""
    acts, appeal = draw.one_of(((WELCOME, Appeal.AGAINST), (UNWELCOME, Appeal.FOR)))
    return _judged(draw, acts, appeal, ALTHOUGH)


def _judged(
    draw: Draw,
    acts: Sequence[tuple[Verb, Sequence[Noun]]],
    appeal: Appeal,
    conjunction: Conjunction,
) -> Sentence:
    verb, candidates = draw.one_of(acts)
    thing = draw.one(with_quality(candidates, appeal))
    tense = draw.tense(verb)
    main = draw.clause(verb, tense, subject=draw.person(), direct=thing)
    quality = draw.one_of(qualities(thing.noun, appeal))
    judgement = be(it(thing.noun.gender), quality, BACKGROUND[tense])
    return Sentence(main=main, after=Subordinate(conjunction=conjunction, clause=judgement))


def fronted_objection(draw: Draw) -> Sentence:
    """Although the lamp was expensive, the woman bought it."""
    verb, candidates = draw.one_of(WELCOME)
    thing = draw.one(with_quality(candidates, Appeal.AGAINST))
    quality = draw.one_of(qualities(thing.noun, Appeal.AGAINST))
    thing = replace(thing, determiner=draw.one_of((THE, THIS)))
    judgement = be(thing, quality, Tense.PAST)
    tense = draw.one_of((Tense.PAST, Tense.PERFECT))
    main = draw.clause(verb, tense, subject=draw.person(), direct=it(thing.noun.gender))
    return Sentence(before=Subordinate(conjunction=ALTHOUGH, clause=judgement), main=main)


def sequel(draw: Draw) -> Sentence:
    """The man bought a ring and gave it to the queen."""
    first, second = _two_acts(draw, SEQUELS, Tense.PAST, Tense.PAST)
    return Sentence(main=first, after=Coordinate(conjunction=AND, clause=second, shares=True))


def occasion(draw: Draw) -> Sentence:
    """When the boy found the ring, he gave it to the queen."""
    first, second = _two_acts(draw, ENCOUNTERS, Tense.PAST, Tense.PAST)
    return Sentence(before=Subordinate(conjunction=WHEN, clause=first), main=second)


def plan(draw: Draw) -> Sentence:
    """If the woman finds the key, she will return it to our uncle."""
    first, second = _two_acts(draw, SEQUELS, Tense.SIMPLE, Tense.FUTURE)
    return Sentence(before=Subordinate(conjunction=IF, clause=first), main=second)


def _two_acts(
    draw: Draw, sequels: Sequence[Sequel], tense: Tense, then: Tense
) -> tuple[Clause, Clause]:
    subject = draw.person()
    verb, candidates, next_verbs = draw.one_of(sequels)
    thing = draw.one(candidates)
    first = draw.clause(verb, tense, subject=subject, direct=thing)
    next_verb = draw.one_of(next_verbs)
    reference, actor = it(thing.noun.gender), pronoun_for(subject)
    if next_verb.direct:
        return first, draw.clause(next_verb, then, subject=actor, direct=reference)
    return first, draw.clause(next_verb, then, subject=actor, dative=reference)


def contrast(draw: Draw) -> Sentence:
    """This lamp is old, but it is beautiful."""
    both = with_quality(with_quality(GOODS + ANIMALS + SIGHTS, Appeal.FOR), Appeal.AGAINST)
    thing = draw.one(both)
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    good = draw.one_of(qualities(thing.noun, Appeal.FOR))
    faults = qualities(thing.noun, Appeal.AGAINST)
    bad = draw.one_of([fault for fault in faults if not are_opposites(fault, good)])
    first, second = draw.one_of(((good, bad), (bad, good)))
    rest = Coordinate(
        conjunction=BUT, clause=be(it(thing.noun.gender), second, tense), shares=False
    )
    return Sentence(
        main=be(replace(thing, determiner=draw.one_of((THE, THIS))), first, tense), after=rest
    )


def tired_animal(draw: Draw) -> Sentence:
    """The dog is sleeping in the barn because it is tired."""
    animal = draw.animal()
    verbs, conjunction, condition = draw.one_of(CONDITIONED)
    verb = draw.one_of(verbs)
    main = draw.clause(verb, draw.tense(verb), subject=animal)
    state = be(it(animal.noun.gender), condition, BACKGROUND[main.tense])
    return Sentence(main=main, after=Subordinate(conjunction=conjunction, clause=state))


def startled_animal(draw: Draw) -> Sentence:
    """When the cat saw the king, it ran into the garden."""
    animal = draw.animal()
    person = draw.noun_phrase(PERSONS)
    event = draw.clause(draw.one_of((SEE, HEAR)), Tense.PAST, subject=animal, direct=person)
    main = draw.clause(RUN, Tense.PAST, subject=it(animal.noun.gender))
    return Sentence(before=Subordinate(conjunction=WHEN, clause=event), main=main)


def loyal_animal(draw: Draw) -> Sentence:
    """The dog followed its owner into the forest."""
    animal = draw.animal()
    owner = _its(animal, OWNER)
    verb = draw.one_of((FOLLOW, TRUST, LOOK_FOR, LOVE, SEE, HEAR, WATCH))
    direct, dative = (None, owner) if verb.dative else (owner, None)
    tense = draw.tense(verb)
    main = draw.clause(verb, tense, subject=animal, direct=direct, dative=dative, setting=0.6)
    return Sentence(main=draw.commented(main) if draw.chance(0.3) else main)


def waiting_animal(draw: Draw) -> Sentence:
    """Every evening the cat waits for its owner in front of the church."""
    animal = draw.animal()
    owner = PrepositionalPhrase(preposition=WAIT_FOR, object=_its(animal, OWNER))
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST, Tense.PROGRESSIVE))
    main = draw.clause(WAIT, tense, subject=animal, setting=0.5)
    main = replace(main, prepositional=(owner, *main.prepositional[1:]))
    return Sentence(main=draw.timed(main, tense))


def playful_animal(draw: Draw) -> Sentence:
    """The cat has hidden its blanket behind the church."""
    animal = draw.animal()
    verb = draw.one_of((LOSE, FIND, HIDE, LOOK_FOR))
    treasure = _its(animal, draw.noun(TREASURES))
    tense = draw.tense(verb)
    main = draw.clause(verb, tense, subject=animal, direct=treasure, setting=0.6)
    return Sentence(main=draw.timed(main, tense) if draw.chance(0.6) else main)


def pride(draw: Draw) -> Sentence:
    """The village is proud of its old church."""
    quality, preposition, owners, owned = draw.one_of(
        (
            (PROUD, PROUD_OF, COMMUNITIES, SIGHTS + PROFESSIONS),
            (FAMOUS, FAMOUS_FOR, COMMUNITIES + ESTATES, LANDMARKS + YARD),
        )
    )
    place = replace(draw.one(owners), determiner=draw.one_of((THE, THIS)))
    possession = _its(place, draw.noun(owned))
    possession = replace(possession, adjective=draw.attribute(possession.noun))
    phrase = PrepositionalPhrase(preposition=preposition, object=possession)
    main = be(place, quality, draw.one_of((Tense.SIMPLE, Tense.PAST)))
    return Sentence(main=replace(main, prepositional=(phrase,)))


def _its(possessor: NounPhrase, noun: Noun) -> NounPhrase:
    return NounPhrase(noun=noun, number=Number.SINGULAR, determiner=its(possessor.noun.gender))
