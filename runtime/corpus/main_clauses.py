"""Sentences of one main clause: verb second, case, separable verbs, the sentence bracket."""

from dataclasses import replace

from runtime.corpus.draw import Draw
from runtime.corpus.lexicon import MODALS, verbs
from runtime.corpus.syntax import Sentence
from runtime.corpus.words import Tense

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
