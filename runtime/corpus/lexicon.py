"""The lexicon: the words of `lexicon.yaml` in both languages, and which of them go together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from runtime.corpus.words import (
    Adjective,
    Adverb,
    Appeal,
    Aspect,
    Case,
    Conjunction,
    EnglishForms,
    Gender,
    GermanForms,
    Modal,
    Noun,
    Preposition,
    Slot,
    Tense,
    Verb,
)

GENDERS = {"der": Gender.MASCULINE, "die": Gender.FEMININE, "das": Gender.NEUTER}
TREE: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("lexicon.yaml").read_text(encoding="utf-8")
)


def _noun(german: str, english: str) -> Noun:
    words, *rest = german.split(", ")
    (article, singular), (plural, weak) = words.split(" "), (*rest, "", "")[:2]
    english, _, english_plural = english.partition(", ")
    return Noun(
        english=english,
        english_plural=english_plural or english + "s",
        german=singular,
        german_plural=plural,
        gender=GENDERS[article],
        weak=weak == "weak",
    )


NOUNS: dict[str, tuple[Noun, ...]] = {}
for _name, _members in TREE["nouns"].items():
    NOUNS[_name] = (
        tuple(_noun(*each) for each in _members.items())
        if isinstance(_members, dict)
        else tuple(noun for each in _members for noun in NOUNS[each])
    )


def nouns(*groups: str) -> tuple[Noun, ...]:
    """Returns the nouns of all these groups, in order."""
    if len(groups) == 1:
        return NOUNS[groups[0]]
    return tuple(noun for group in groups for noun in NOUNS[group])


def _adjective(
    english: str,
    german: str,
    describes: Sequence[str],
    appeal: str = "neutral",
    attributive: str = "",
) -> Adjective:
    return Adjective(
        english=english,
        german=german,
        attributive=attributive or german,
        describes=nouns(*describes),
        appeal=Appeal[appeal.upper()],
    )


ADJECTIVES = {
    group: {english: _adjective(english, **entry) for english, entry in entries.items()}
    for group, entries in TREE["adjectives"].items()
}


def adjectives(*groups: str) -> tuple[Adjective, ...]:
    """Returns the adjectives of all these groups, in order."""
    return tuple(each for group in groups for each in ADJECTIVES[group].values())


def adjective(english: str) -> Adjective:
    """Returns an adjective by its English word."""
    return next(group[english] for group in ADJECTIVES.values() if english in group)


ATTRIBUTES = {
    noun: tuple(each for each in adjectives("attributes") if noun in each.describes)
    for noun in nouns("things", "persons", "animals", "places")
}


def are_opposites(one: Adjective, other: Adjective) -> bool:
    """Return whether nothing can be both."""
    return sorted((one.english, other.english)) in map(sorted, TREE["opposites"])


PREPOSITIONS = {
    name: Preposition(
        english=entry["english"],
        german=entry["german"],
        case=Case[entry["case"].upper()],
        fuses=tuple(entry.get("fuses", {}).items()),
    )
    for name, entry in TREE["prepositions"].items()
}
CONJUNCTIONS = {
    english: Conjunction(english=english, german=german)
    for english, german in TREE["conjunctions"].items()
}
MODALS = {
    name: Modal(english=tuple(entry["english"]), german=tuple(entry["german"]))
    for name, entry in TREE["modals"].items()
}
TIMES = tuple(
    Adverb(
        english=english,
        german=entry["german"],
        tenses=tuple(Tense[each.upper()] for each in entry["tenses"]),
    )
    for english, entry in TREE["times"].items()
)
COMMENTS = tuple(
    Adverb(english=english, german=german, tenses=tuple(Tense), comma=True)
    for english, german in TREE["comments"].items()
)


def _slots(nouns_of: Mapping[str, Sequence[str]]) -> tuple[Slot, ...]:
    return tuple(
        Slot(preposition=PREPOSITIONS[name], nouns=nouns(*groups))
        for name, groups in nouns_of.items()
    )


def _verb(
    english: str,
    german: str,
    *,
    aspect: str = "activity",
    subjects: Sequence[str] = ("persons",),
    moves: bool = False,
    direct: Sequence[str] = (),
    dative: Sequence[str] = (),
    oblique: Mapping[str, Sequence[str]] | None = None,
    setting: Mapping[str, Sequence[str]] | None = None,
) -> Verb:
    """Returns the verb of `sing sings sang sung singing`, a particle, and `ein|laden lädt ...`."""
    base, third, past, participle, progressive, *particle = english.split()
    prefix, _, parts = german.rpartition("|")
    return Verb(
        english=EnglishForms(
            base=base, third=third, past=past, participle=participle, progressive=progressive
        ),
        german=GermanForms(
            **dict(zip(("infinitive", "third", "past", "participle"), parts.split(), strict=True)),
            prefix=prefix,
        ),
        aspect=Aspect[aspect.upper()],
        subjects=nouns(*subjects),
        moves=moves,
        particle=" ".join(particle),
        direct=nouns(*direct),
        dative=nouns(*dative),
        oblique=_slots(oblique or {}),
        setting=_slots(setting or {}),
    )


VERBS = {name: _verb(**entry) for name, entry in TREE["verbs"].items()}


def verbs(*names: str) -> tuple[Verb, ...]:
    """Returns the verbs of these names and groups, in order."""
    groups = TREE["verb_groups"]
    return tuple(
        verb
        for name in names
        for verb in (verbs(*groups[name]) if name in groups else (VERBS[name],))
    )
