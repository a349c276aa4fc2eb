"""Seeded choices: drawing nouns, noun phrases and clauses that make sense together."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from runtime.corpus.lexicon import ATTRIBUTES, COMMENTS, CONJUNCTIONS, TIMES, VERBS, nouns
from runtime.corpus.pronouns import (
    FIRST_PERSON,
    MY,
    OUR,
    THE,
    THIRD_PERSON,
    THIS,
    A,
    I,
    possessives_for,
)
from runtime.corpus.syntax import (
    Clause,
    Coordinate,
    Nominal,
    NounPhrase,
    PrepositionalPhrase,
    Subordinate,
)
from runtime.corpus.words import (
    Adjective,
    Adverb,
    Appeal,
    Aspect,
    Determiner,
    Gender,
    Modal,
    Noun,
    Number,
    Slot,
    Tense,
    Verb,
)

Option = TypeVar("Option")

# The tense of the circumstances under which something happens.
BACKGROUND = {
    Tense.PROGRESSIVE: Tense.SIMPLE,
    Tense.SIMPLE: Tense.SIMPLE,
    Tense.PAST: Tense.PAST,
    Tense.PERFECT: Tense.PAST,
    Tense.FUTURE: Tense.SIMPLE,
}
_PLACES = nouns("rooms", "surroundings", "sights")
_MOSTLY_THE = (THE, THE, THE, THE, THE)
_TENSES = {
    Aspect.STATE: (Tense.SIMPLE, Tense.PAST),
    Aspect.ACHIEVEMENT: (Tense.PAST, Tense.PERFECT),
    Aspect.ACTIVITY: (Tense.PROGRESSIVE, Tense.PAST, Tense.PERFECT, Tense.FUTURE),
}


class Draw:
    """The choices of one sentence. No noun is drawn twice, so that references stay clear."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._used: list[Noun] = []

    def one_of(self, options: Sequence[Option]) -> Option:
        # Of all of Random, only random() is promised to stay the same in later Pythons.
        return options[int(self._random.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def noun(self, candidates: Sequence[Noun]) -> Noun:
        noun = self.one_of([noun for noun in candidates if noun not in self._used])
        self._used.append(noun)
        return noun

    def noun_phrase(self, candidates: Sequence[Noun], owner: Nominal | None = None) -> NounPhrase:
        """`owner` is whom the thing or relative may belong to: his, her, their."""
        noun = self.noun(candidates)
        plural = bool(noun.german_plural) and noun not in _PLACES and self.chance(0.15)
        return NounPhrase(
            noun=noun,
            number=Number.PLURAL if plural else Number.SINGULAR,
            determiner=self._determiner(noun, plural, owner),
            adjective=self.attribute(noun),
        )

    def one(self, candidates: Sequence[Noun]) -> NounPhrase:
        """A singular noun phrase without adjective, for something else to refer to."""
        return NounPhrase(
            noun=self.noun(candidates),
            number=Number.SINGULAR,
            determiner=self.one_of((THE, THE, THE, A, A, THIS)),
        )

    def _determiner(self, noun: Noun, plural: bool, owner: Nominal | None) -> Determiner:
        owned = () if owner is None else possessives_for(owner)
        if noun in nouns("kin"):
            return self.one_of((MY, OUR, *owned, *owned))
        if noun in _PLACES:
            return self.one_of((*_MOSTLY_THE, A, THIS))
        if noun in nouns("persons"):
            return self.one_of((*_MOSTLY_THE, THIS) if plural else (*_MOSTLY_THE, A, A, THIS))
        return self.one_of((*_MOSTLY_THE, A, A, *owned, *owned))

    def attribute(self, noun: Noun) -> Adjective | None:
        likely = 0.1 if noun in nouns("kin") else 0.25
        return self.one_of(ATTRIBUTES[noun]) if self.chance(likely) else None

    def subject(self, candidates: Sequence[Noun] = nouns("persons")) -> Nominal:
        if candidates[0] in nouns("persons") and self.chance(0.25):
            return self.one_of((*FIRST_PERSON, *FIRST_PERSON, *THIRD_PERSON))
        return self.noun_phrase(candidates)

    def person(self) -> Nominal:
        """A subject that can be taken up by a pronoun of its own: he, she, they, I, we."""
        return self.subject([noun for noun in nouns("persons") if noun.gender is not Gender.NEUTER])

    def animal(self) -> NounPhrase:
        """A single animal, to be taken up by "it"."""
        return replace(self.noun_phrase(nouns("animals"), I), number=Number.SINGULAR)

    def object(
        self, candidates: Sequence[Noun], subject: Nominal, *, owned: bool = True
    ) -> Nominal:
        """Draws what the subject acts on; unless `owned` is False, it may be the subject's own."""
        if candidates[0] in nouns("persons") and self.chance(0.15):
            return self.one_of([word for word in THIRD_PERSON if word != subject])
        return self.noun_phrase(candidates, subject if owned else None)

    def clause(
        self,
        verb: Verb,
        tense: Tense,
        *,
        subject: Nominal | None = None,
        direct: Nominal | None = None,
        dative: Nominal | None = None,
        modal: Modal | None = None,
        setting: float = 0.0,
    ) -> Clause:
        """`verb` with all that it needs and is not given, and a place by chance `setting`."""
        subject = subject or self.subject(verb.subjects)
        if verb.direct and direct is None:
            direct = self.object(verb.direct, subject, owned=verb is not VERBS["buy"])
        if verb.dative and dative is None:
            dative = self.object(verb.dative, subject)
        return Clause(
            subject=subject,
            verb=verb,
            tense=tense,
            modal=modal,
            direct=direct,
            dative=dative,
            prepositional=self._places(verb, subject, setting),
        )

    def _places(
        self, verb: Verb, subject: Nominal, setting: float
    ) -> tuple[PrepositionalPhrase, ...]:
        wanted = [verb.oblique] if verb.oblique else []
        if verb.setting and self.chance(setting):
            wanted.append(verb.setting)
        return tuple(self._place(slots, subject) for slots in wanted)

    def _place(self, slots: Sequence[Slot], subject: Nominal) -> PrepositionalPhrase:
        slot = self.one_of(slots)
        return PrepositionalPhrase(
            preposition=slot.preposition, object=self.noun_phrase(slot.nouns, subject)
        )

    def tense(self, verb: Verb) -> Tense:
        return self.one_of(_TENSES[verb.aspect])

    def time(self, tense: Tense) -> Adverb:
        return self.one_of([adverb for adverb in TIMES if tense in adverb.tenses])

    def timed(self, clause: Clause, tense: Tense) -> Clause:
        """Adds a time adverbial, at the end or in front."""
        if self.chance(0.5):
            return replace(clause, topic=self.time(tense))
        return replace(clause, adverb=self.time(tense))

    def commented(self, clause: Clause) -> Clause:
        return replace(clause, topic=self.one_of(COMMENTS))


def subordinate(conjunction: str, clause: Clause) -> Subordinate:
    return Subordinate(conjunction=CONJUNCTIONS[conjunction], clause=clause)


def coordinate(conjunction: str, clause: Clause, *, shares: bool) -> Coordinate:
    return Coordinate(conjunction=CONJUNCTIONS[conjunction], clause=clause, shares=shares)


def be(subject: Nominal, adjective: Adjective, tense: Tense) -> Clause:
    return Clause(subject=subject, verb=VERBS["be"], tense=tense, predicative=adjective)


def qualities(noun: Noun, *appeals: Appeal) -> list[Adjective]:
    """Returns the adjectives that speak for `noun`, or against it."""
    return [adjective for adjective in ATTRIBUTES[noun] if adjective.appeal in appeals]


def with_quality(nouns: Sequence[Noun], *appeals: Appeal) -> list[Noun]:
    return [noun for noun in nouns if qualities(noun, *appeals)]
