"""Sentences of one main clause, and those with a subordinate or a relative clause.

In a main clause the verb comes second, and what belongs to it closes the sentence; in the other
two the verbs come last. A relative pronoun has the gender and number of its noun, and the case
that its own clause asks for.
"""

from dataclasses import replace

from runtime.corpus.draw import BACKGROUND, Draw, be, qualities, subordinate, with_quality
from runtime.corpus.lexicon import MODALS, PREPOSITIONS, VERBS, adjectives, nouns, verbs
from runtime.corpus.pronouns import THE, pronoun_for
from runtime.corpus.syntax import (
    Clause,
    NounPhrase,
    PrepositionalPhrase,
    Purpose,
    RelativePronoun,
    Sentence,
)
from runtime.corpus.words import Appeal, Noun, Number, Tense

ACTIVITIES = verbs("actions", "activities")
INTENDED = tuple(verb for verb in ACTIVITIES if verb not in verbs("think", "dream", "laugh"))
EVENTS = (*verbs("achievements"), *ACTIVITIES)


def event(draw: Draw) -> Sentence:
    """Yesterday the woman saw a dog in the garden."""
    verb = draw.one_of(EVENTS)
    tense = draw.tense(verb)
    clause = draw.clause(verb, tense, setting=0.5)
    if draw.chance(0.25):
        return Sentence(main=draw.commented(clause))
    return Sentence(main=draw.timed(clause, tense))


def habit(draw: Draw) -> Sentence:
    """Every evening the teacher reads the newspaper."""
    clause = draw.clause(draw.one_of(ACTIVITIES), Tense.SIMPLE, setting=0.3)
    return Sentence(main=draw.timed(clause, Tense.SIMPLE))


def duty(draw: Draw) -> Sentence:
    """Tomorrow I must visit my aunt."""
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    time = Tense.PAST if tense is Tense.PAST else Tense.FUTURE
    modal = draw.one_of(tuple(MODALS.values()))
    clause = draw.clause(draw.one_of(INTENDED), tense, modal=modal, setting=0.3)
    return Sentence(main=draw.timed(clause, time))


def state(draw: Draw) -> Sentence:
    """Unfortunately, the ring belongs to the queen."""
    verb = draw.one_of(verbs("states"))
    clause = draw.clause(verb, draw.tense(verb))
    return Sentence(main=draw.commented(clause))


def scene(draw: Draw) -> Sentence:
    """In the kitchen a cat is sleeping: the place comes first."""
    verb = draw.one_of(verbs("posture"))
    tense = draw.one_of((Tense.PROGRESSIVE, Tense.PAST))
    subject = draw.noun_phrase(verb.subjects)
    clause = draw.clause(verb, tense, subject=subject, setting=0.5)
    place, *others = clause.prepositional
    return Sentence(main=replace(clause, topic=place, prepositional=tuple(others)))


MOMENTS = verbs("see", "hear", "find", "come back", "visit")
# What one would rather not do when tired, ill or hungry.
EXERTIONS = tuple(verb for verb in ACTIVITIES if verb not in verbs("sleep", "sit", "eat"))
ERRANDS = verbs("buy", "help", "invite", "thank", "visit")
REPORTS = (
    (VERBS["say"], "that"),
    (VERBS["believe"], "that"),
    (VERBS["hope"], "that"),
    (VERBS["know that"], "that"),
    (VERBS["ask"], "whether"),
)


def hindrance(draw: Draw) -> Sentence:
    """The doctor is working in the garden although she is ill."""
    subject = draw.person()
    verb = draw.one_of(EXERTIONS)
    main = draw.clause(verb, draw.tense(verb), subject=subject)
    condition = be(
        pronoun_for(subject), draw.one_of(adjectives("conditions")), BACKGROUND[main.tense]
    )
    return Sentence(main=main, after=subordinate("although", condition))


def motive(draw: Draw) -> Sentence:
    """The baker went to the station because he wanted to help his sister."""
    subject = draw.person()
    verb, aim = draw.one_of(ACTIVITIES), draw.one_of(INTENDED)
    main = draw.clause(verb, draw.tense(verb), subject=subject)
    reason = draw.clause(
        aim,
        BACKGROUND[main.tense],
        subject=pronoun_for(subject),
        modal=draw.one_of((MODALS["want"], MODALS["must"])),
    )
    return Sentence(main=main, after=subordinate("because", reason))


def feeling(draw: Draw) -> Sentence:
    """The girl is sad because her brother has lost the ring."""
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    main = be(draw.subject(), draw.one_of(adjectives("feelings")), tense)
    before = Tense.PERFECT if tense is Tense.SIMPLE else Tense.PAST
    reason = draw.clause(draw.one_of(EVENTS), before)
    return Sentence(main=main, after=subordinate("because", reason))


def report(draw: Draw) -> Sentence:
    """The student says that the king will visit the castle tomorrow."""
    verb, conjunction = draw.one_of(REPORTS)
    main = draw.clause(verb, Tense.SIMPLE, subject=draw.noun_phrase(nouns("persons")))
    event = draw.one_of(EVENTS)
    tense = draw.one_of((Tense.PERFECT, Tense.FUTURE))
    if event in verbs("achievements"):
        tense = Tense.PERFECT
    clause = draw.clause(event, tense, setting=0.2)
    if draw.chance(0.3):
        clause = replace(clause, adverb=draw.time(tense))
    return Sentence(main=main, after=subordinate(conjunction, clause))


def possibility(draw: Draw) -> Sentence:
    """The nun believes that the farmer can repair the tractor."""
    subject = draw.noun_phrase(nouns("persons"))
    main = draw.clause(
        draw.one_of(verbs("say", "believe", "know that")), Tense.SIMPLE, subject=subject
    )
    verb, modal = draw.one_of(INTENDED), draw.one_of(tuple(MODALS.values()))
    clause = draw.clause(verb, draw.one_of((Tense.SIMPLE, Tense.PAST)), modal=modal)
    return Sentence(main=main, after=subordinate("that", clause))


def meanwhile(draw: Draw) -> Sentence:
    """While the farmer is feeding the pigs, his son is sitting in the kitchen."""
    background = draw.clause(draw.one_of(ACTIVITIES), Tense.PROGRESSIVE)
    main = draw.clause(draw.one_of(ACTIVITIES), Tense.PROGRESSIVE)
    return Sentence(before=subordinate("while", background), main=main)


def occasion(draw: Draw) -> Sentence:
    """When the queen found the letter, she called her daughter."""
    subject = draw.person()
    event = draw.clause(draw.one_of(MOMENTS), Tense.PAST, subject=subject)
    main = draw.clause(draw.one_of(ACTIVITIES), Tense.PAST, subject=pronoun_for(subject))
    return Sentence(before=subordinate("when", event), main=main)


def condition(draw: Draw) -> Sentence:
    """If the student calls her aunt, we will go to the station."""
    clause = draw.clause(draw.one_of(EVENTS), Tense.SIMPLE)
    main = draw.clause(draw.one_of(ACTIVITIES), Tense.FUTURE)
    return Sentence(before=subordinate("if", clause), main=main)


def errand(draw: Draw) -> Sentence:
    """The nun drove to the village to visit her aunt."""
    subject = draw.subject(VERBS["drive"].subjects)
    verb = draw.one_of(verbs("go", "drive"))
    main = draw.clause(verb, draw.tense(verb), subject=subject)
    purpose = draw.clause(draw.one_of(ERRANDS), Tense.SIMPLE, subject=subject)
    return Sentence(main=main, after=Purpose(clause=purpose))


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
