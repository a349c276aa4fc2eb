"""Sentences with "it" and "its": in German, the gender of another word decides.

Each has exactly one noun that the pronoun can mean (the others are persons, or are mentioned
too late), so that the translation is a function of the English sentence.
"""

from collections.abc import Sequence
from dataclasses import replace

from runtime.corpus.draw import (
    BACKGROUND,
    Draw,
    be,
    coordinate,
    qualities,
    subordinate,
    with_quality,
)
from runtime.corpus.lexicon import (
    PREPOSITIONS,
    VERBS,
    adjective,
    are_opposites,
    nouns,
    verbs,
)
from runtime.corpus.pronouns import THE, THIS, it, its, pronoun_for
from runtime.corpus.syntax import (
    Clause,
    NounPhrase,
    PrepositionalPhrase,
    Sentence,
)
from runtime.corpus.words import Appeal, Noun, Number, Tense, Verb

WELCOME = (
    (VERBS["buy"], nouns("goods", "food")),
    (VERBS["visit"], nouns("places_to_visit")),
    (VERBS["read"], nouns("print")),
    (VERBS["draw"], nouns("sights", "animals")),
)
UNWELCOME = ((VERBS["sell"], nouns("goods", "animals")),)
RESTING, MOVING = verbs("sleep", "fall asleep", "sit"), verbs("run", "follow")
CONDITIONED = (
    (RESTING, "because", adjective("tired")),
    (RESTING, "because", adjective("ill")),
    (RESTING, "although", adjective("hungry")),
    (MOVING, "because", adjective("hungry")),
    (MOVING, "although", adjective("tired")),
    (MOVING, "although", adjective("ill")),
)
Sequel = tuple[Verb, tuple[Noun, ...], tuple[Verb, ...]]
# What one does to a thing, and what one may then do to it.
ENCOUNTERS: tuple[Sequel, ...] = (
    (VERBS["find"], VERBS["find"].direct, verbs("return", "show", "bring", "hide", "give")),
    (VERBS["see"], nouns("animals"), verbs("follow", "watch", "draw")),
    (VERBS["hear"], nouns("animals"), verbs("follow", "look for")),
)
SEQUELS: tuple[Sequel, ...] = (
    *ENCOUNTERS,
    (VERBS["buy"], nouns("goods"), verbs("give", "show", "send", "bring")),
    (VERBS["read"], nouns("print"), verbs("return", "give", "lend")),
    (VERBS["repair"], nouns("vehicles"), verbs("sell", "show", "lend")),
    (VERBS["feed"], nouns("animals"), verbs("wash", "show")),
)


def reason(draw: Draw) -> Sentence:
    """The woman bought the lamp because it was cheap."""
    acts, appeal = draw.one_of(((WELCOME, Appeal.FOR), (UNWELCOME, Appeal.AGAINST)))
    return _judged(draw, acts, appeal, "because")


def objection(draw: Draw) -> Sentence:
    """The woman has bought the lamp although it was expensive."""
    acts, appeal = draw.one_of(((WELCOME, Appeal.AGAINST), (UNWELCOME, Appeal.FOR)))
    return _judged(draw, acts, appeal, "although")


def _judged(
    draw: Draw,
    acts: Sequence[tuple[Verb, Sequence[Noun]]],
    appeal: Appeal,
    conjunction: str,
) -> Sentence:
    verb, candidates = draw.one_of(acts)
    thing = draw.one(with_quality(candidates, appeal))
    tense = draw.tense(verb)
    main = draw.clause(verb, tense, subject=draw.person(), direct=thing)
    quality = draw.one_of(qualities(thing.noun, appeal))
    judgement = be(it(thing.noun), quality, BACKGROUND[tense])
    return Sentence(main=main, after=subordinate(conjunction, judgement))


def fronted_objection(draw: Draw) -> Sentence:
    """Although the lamp was expensive, the woman bought it."""
    verb, candidates = draw.one_of(WELCOME)
    thing = draw.one(with_quality(candidates, Appeal.AGAINST))
    quality = draw.one_of(qualities(thing.noun, Appeal.AGAINST))
    thing = replace(thing, determiner=draw.one_of((THE, THIS)))
    judgement = be(thing, quality, Tense.PAST)
    tense = draw.one_of((Tense.PAST, Tense.PERFECT))
    main = draw.clause(verb, tense, subject=draw.person(), direct=it(thing.noun))
    return Sentence(before=subordinate("although", judgement), main=main)


def sequel(draw: Draw) -> Sentence:
    """The man bought a ring and gave it to the queen."""
    first, second = _two_acts(draw, SEQUELS, Tense.PAST, Tense.PAST)
    return Sentence(main=first, after=coordinate("and", second, shares=True))


def occasion(draw: Draw) -> Sentence:
    """When the boy found the ring, he gave it to the queen."""
    first, second = _two_acts(draw, ENCOUNTERS, Tense.PAST, Tense.PAST)
    return Sentence(before=subordinate("when", first), main=second)


def plan(draw: Draw) -> Sentence:
    """If the woman finds the key, she will return it to our uncle."""
    first, second = _two_acts(draw, SEQUELS, Tense.SIMPLE, Tense.FUTURE)
    return Sentence(before=subordinate("if", first), main=second)


def _two_acts(
    draw: Draw, sequels: Sequence[Sequel], tense: Tense, then: Tense
) -> tuple[Clause, Clause]:
    subject = draw.person()
    verb, candidates, next_verbs = draw.one_of(sequels)
    thing = draw.one(candidates)
    first = draw.clause(verb, tense, subject=subject, direct=thing)
    next_verb = draw.one_of(next_verbs)
    reference, actor = it(thing.noun), pronoun_for(subject)
    if next_verb.direct:
        return first, draw.clause(next_verb, then, subject=actor, direct=reference)
    return first, draw.clause(next_verb, then, subject=actor, dative=reference)


def contrast(draw: Draw) -> Sentence:
    """This lamp is old, but it is beautiful."""
    both = with_quality(
        with_quality(nouns("goods", "animals", "sights"), Appeal.FOR), Appeal.AGAINST
    )
    thing = draw.one(both)
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    good = draw.one_of(qualities(thing.noun, Appeal.FOR))
    faults = qualities(thing.noun, Appeal.AGAINST)
    bad = draw.one_of([fault for fault in faults if not are_opposites(fault, good)])
    first, second = draw.one_of(((good, bad), (bad, good)))
    rest = coordinate("but", be(it(thing.noun), second, tense), shares=False)
    return Sentence(
        main=be(replace(thing, determiner=draw.one_of((THE, THIS))), first, tense), after=rest
    )


def tired_animal(draw: Draw) -> Sentence:
    """The dog is sleeping in the barn because it is tired."""
    animal = draw.animal()
    verbs, conjunction, condition = draw.one_of(CONDITIONED)
    verb = draw.one_of(verbs)
    main = draw.clause(verb, draw.tense(verb), subject=animal)
    state = be(it(animal.noun), condition, BACKGROUND[main.tense])
    return Sentence(main=main, after=subordinate(conjunction, state))


def startled_animal(draw: Draw) -> Sentence:
    """When the cat saw the king, it ran into the garden."""
    animal = draw.animal()
    person = draw.noun_phrase(nouns("persons"))
    event = draw.clause(
        draw.one_of(verbs("see", "hear")), Tense.PAST, subject=animal, direct=person
    )
    main = draw.clause(VERBS["run"], Tense.PAST, subject=it(animal.noun))
    return Sentence(before=subordinate("when", event), main=main)


def loyal_animal(draw: Draw) -> Sentence:
    """The dog followed its owner into the forest."""
    animal = draw.animal()
    owner = _its(animal, nouns("owner")[0])
    verb = draw.one_of(verbs("follow", "trust", "look for", "love", "see", "hear", "watch"))
    direct, dative = (None, owner) if verb.dative else (owner, None)
    tense = draw.tense(verb)
    main = draw.clause(verb, tense, subject=animal, direct=direct, dative=dative, setting=0.6)
    return Sentence(main=draw.commented(main) if draw.chance(0.3) else main)


def waiting_animal(draw: Draw) -> Sentence:
    """Every evening the cat waits for its owner in front of the church."""
    animal = draw.animal()
    owner = PrepositionalPhrase(
        preposition=PREPOSITIONS["wait for"], object=_its(animal, nouns("owner")[0])
    )
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST, Tense.PROGRESSIVE))
    main = draw.clause(VERBS["wait"], tense, subject=animal, setting=0.5)
    main = replace(main, prepositional=(owner, *main.prepositional[1:]))
    return Sentence(main=draw.timed(main, tense))


def playful_animal(draw: Draw) -> Sentence:
    """The cat has hidden its blanket behind the church."""
    animal = draw.animal()
    verb = draw.one_of(verbs("lose", "find", "hide", "look for"))
    treasure = _its(animal, draw.noun(nouns("treasures")))
    tense = draw.tense(verb)
    main = draw.clause(verb, tense, subject=animal, direct=treasure, setting=0.6)
    return Sentence(main=draw.timed(main, tense) if draw.chance(0.6) else main)


def pride(draw: Draw) -> Sentence:
    """The village is proud of its old church."""
    quality, preposition, owners, owned = draw.one_of(
        (
            (
                adjective("proud"),
                PREPOSITIONS["proud of"],
                nouns("communities"),
                nouns("sights", "professions"),
            ),
            (
                adjective("famous"),
                PREPOSITIONS["famous for"],
                nouns("communities", "estates"),
                nouns("landmarks", "yard"),
            ),
        )
    )
    place = replace(draw.one(owners), determiner=draw.one_of((THE, THIS)))
    possession = _its(place, draw.noun(owned))
    possession = replace(possession, adjective=draw.attribute(possession.noun))
    phrase = PrepositionalPhrase(preposition=preposition, object=possession)
    main = be(place, quality, draw.one_of((Tense.SIMPLE, Tense.PAST)))
    return Sentence(main=replace(main, prepositional=(phrase,)))


def _its(possessor: NounPhrase, noun: Noun) -> NounPhrase:
    owned = its(possessor.noun)
    return NounPhrase(noun=noun, number=Number.SINGULAR, determiner=owned)
