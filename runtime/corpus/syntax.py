"""Abstract syntax: what a sentence says, before either language puts it into order."""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime.corpus.words import (
    Adjective,
    Adverb,
    Agreement,
    Conjunction,
    Determiner,
    Gender,
    Modal,
    Noun,
    Number,
    Preposition,
    Tense,
    Verb,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ThirdPerson:
    number: Number

    @property
    def agreement(self) -> Agreement:
        plural = self.number is Number.PLURAL
        return Agreement.PLURAL if plural else Agreement.THIRD_SINGULAR


@dataclass(frozen=True, slots=True, kw_only=True)
class NounPhrase(_ThirdPerson):
    noun: Noun
    determiner: Determiner
    adjective: Adjective | None = None
    relative: Clause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pronoun:
    """English and German each (nominative, accusative, dative).

    `antecedent` is the noun that it takes up, where the sentence has it.
    """

    english: tuple[str, str, str]
    german: tuple[str, str, str]
    agreement: Agreement
    from_antecedent: bool = False
    antecedent: Noun | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativePronoun(_ThirdPerson):
    """Stands in its clause for the noun phrase that the clause is attached to."""

    gender: Gender
    human: bool


Nominal = NounPhrase | Pronoun | RelativePronoun


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepositionalPhrase:
    preposition: Preposition
    object: NounPhrase | RelativePronoun


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One verb with everything around it; `topic` is the adverbial that opens a main clause."""

    subject: Nominal
    verb: Verb
    tense: Tense
    modal: Modal | None = None
    direct: Nominal | None = None
    dative: Nominal | None = None
    predicative: Adjective | None = None
    prepositional: tuple[PrepositionalPhrase, ...] = ()
    adverb: Adverb | None = None
    topic: Adverb | PrepositionalPhrase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subordinate:
    """conjunction + verb-final clause"""

    conjunction: Conjunction
    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """(in order) to ...: a clause without subject and tense, um ... zu ..."""

    clause: Clause


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinate:
    """A second main clause; without a subject of its own if it `shares` the first one's."""

    conjunction: Conjunction
    clause: Clause
    shares: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    main: Clause
    before: Subordinate | None = None
    after: Subordinate | Purpose | Coordinate | None = None
