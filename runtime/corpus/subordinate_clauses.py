"""Sentences with a subordinate clause: the verbs close it."""

from dataclasses import replace

from runtime.corpus.draw import BACKGROUND, Draw, be, subordinate
from runtime.corpus.lexicon import MODALS, VERBS, adjectives, nouns, verbs
from runtime.corpus.main_clauses import ACTIVITIES, EVENTS, INTENDED
from runtime.corpus.pronouns import pronoun_for
from runtime.corpus.syntax import Purpose, Sentence
from runtime.corpus.words import Tense

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
