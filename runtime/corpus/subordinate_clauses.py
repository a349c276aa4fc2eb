"""Sentences with a subordinate clause: the verbs close it."""

from dataclasses import replace

from runtime.corpus.adjectives import CONDITIONS, FEELINGS
from runtime.corpus.draw import BACKGROUND, Draw, be
from runtime.corpus.function_words import (
    ALTHOUGH,
    BECAUSE,
    IF,
    MODALS,
    MUST,
    THAT,
    WANT,
    WHEN,
    WHETHER,
    WHILE,
)
from runtime.corpus.intransitive_verbs import (
    ASK,
    BELIEVE,
    COME_BACK,
    DRIVE,
    GO,
    HOPE,
    KNOW_THAT,
    SAY,
    SIT,
    SLEEP,
)
from runtime.corpus.main_clauses import ACTIVITIES, EVENTS, INTENDED
from runtime.corpus.nouns import PERSONS
from runtime.corpus.pronouns import pronoun_for
from runtime.corpus.syntax import Purpose, Sentence, Subordinate
from runtime.corpus.transitive_verbs import (
    ACHIEVEMENTS,
    BUY,
    EAT,
    FIND,
    HEAR,
    HELP,
    INVITE,
    SEE,
    THANK,
    VISIT,
)
from runtime.corpus.words import Tense

MOMENTS = (SEE, HEAR, FIND, COME_BACK, VISIT)
# What one would rather not do when tired, ill or hungry.
EXERTIONS = tuple(verb for verb in ACTIVITIES if verb not in (SLEEP, SIT, EAT))
ERRANDS = (BUY, HELP, INVITE, THANK, VISIT)
REPORTS = ((SAY, THAT), (BELIEVE, THAT), (HOPE, THAT), (KNOW_THAT, THAT), (ASK, WHETHER))


def hindrance(draw: Draw) -> Sentence:
    """The doctor is working in the garden although she is ill."""
    subject = draw.person()
    verb = draw.one_of(EXERTIONS)
    main = draw.clause(verb, draw.tense(verb), subject=subject)
    condition = be(pronoun_for(subject), draw.one_of(CONDITIONS), BACKGROUND[main.tense])
    return Sentence(main=main, after=Subordinate(conjunction=ALTHOUGH, clause=condition))


def motive(draw: Draw) -> Sentence:
    """The baker went to the station because he wanted to help his sister."""
    subject = draw.person()
    verb, aim = draw.one_of(ACTIVITIES), draw.one_of(INTENDED)
    main = draw.clause(verb, draw.tense(verb), subject=subject)
    reason = draw.clause(
        aim,
        BACKGROUND[main.tense],
        subject=pronoun_for(subject),
        modal=draw.one_of((WANT, MUST)),
    )
    return Sentence(main=main, after=Subordinate(conjunction=BECAUSE, clause=reason))


def feeling(draw: Draw) -> Sentence:
    """The girl is sad because her brother has lost the ring."""
    tense = draw.one_of((Tense.SIMPLE, Tense.PAST))
    main = be(draw.subject(), draw.one_of(FEELINGS), tense)
    before = Tense.PERFECT if tense is Tense.SIMPLE else Tense.PAST
    reason = draw.clause(draw.one_of(EVENTS), before)
    return Sentence(main=main, after=Subordinate(conjunction=BECAUSE, clause=reason))


def report(draw: Draw) -> Sentence:
    """The student says that the king will visit the castle tomorrow."""
    verb, conjunction = draw.one_of(REPORTS)
    main = draw.clause(verb, Tense.SIMPLE, subject=draw.noun_phrase(PERSONS))
    event = draw.one_of(EVENTS)
    tense = draw.one_of((Tense.PERFECT, Tense.FUTURE))
    if event in ACHIEVEMENTS:
        tense = Tense.PERFECT
    clause = draw.clause(event, tense, setting=0.2)
    if draw.chance(0.3):
        clause = replace(clause, adverb=draw.time(tense))
    return Sentence(main=main, after=Subordinate(conjunction=conjunction, clause=clause))


def possibility(draw: Draw) -> Sentence:
    """The nun believes that the farmer can repair the tractor."""
    subject = draw.noun_phrase(PERSONS)
    main = draw.clause(draw.one_of((SAY, BELIEVE, KNOW_THAT)), Tense.SIMPLE, subject=subject)
    verb, modal = draw.one_of(INTENDED), draw.one_of(MODALS)
    clause = draw.clause(verb, draw.one_of((Tense.SIMPLE, Tense.PAST)), modal=modal)
    return Sentence(main=main, after=Subordinate(conjunction=THAT, clause=clause))


def meanwhile(draw: Draw) -> Sentence:
    """While the farmer is feeding the pigs, his son is sitting in the kitchen."""
    background = draw.clause(draw.one_of(ACTIVITIES), Tense.PROGRESSIVE)
    main = draw.clause(draw.one_of(ACTIVITIES), Tense.PROGRESSIVE)
    return Sentence(before=Subordinate(conjunction=WHILE, clause=background), main=main)


def occasion(draw: Draw) -> Sentence:
    """When the queen found the letter, she called her daughter."""
    subject = draw.person()
    event = draw.clause(draw.one_of(MOMENTS), Tense.PAST, subject=subject)
    main = draw.clause(draw.one_of(ACTIVITIES), Tense.PAST, subject=pronoun_for(subject))
    return Sentence(before=Subordinate(conjunction=WHEN, clause=event), main=main)


def condition(draw: Draw) -> Sentence:
    """If the student calls her aunt, we will go to the station."""
    clause = draw.clause(draw.one_of(EVENTS), Tense.SIMPLE)
    main = draw.clause(draw.one_of(ACTIVITIES), Tense.FUTURE)
    return Sentence(before=Subordinate(conjunction=IF, clause=clause), main=main)


def errand(draw: Draw) -> Sentence:
    """The nun drove to the village to visit her aunt."""
    subject = draw.subject(DRIVE.subjects)
    verb = draw.one_of((GO, DRIVE))
    main = draw.clause(verb, draw.tense(verb), subject=subject)
    purpose = draw.clause(draw.one_of(ERRANDS), Tense.SIMPLE, subject=subject)
    return Sentence(main=main, after=Purpose(clause=purpose))
