"""How a verb's entry in the lexicon is written down."""

from runtime.corpus.nouns import PERSONS
from runtime.corpus.words import Aspect, EnglishForms, GermanForms, Noun, Preposition, Slot, Verb


def slots(nouns: tuple[Noun, ...], *prepositions: Preposition) -> tuple[Slot, ...]:
    """The nouns with each of the prepositions."""
    return tuple(Slot(preposition=preposition, nouns=nouns) for preposition in prepositions)


def verb(
    english: str,
    german: str,
    aspect: Aspect = Aspect.ACTIVITY,
    *,
    subjects: tuple[Noun, ...] = PERSONS,
    moves: bool = False,
    direct: tuple[Noun, ...] = (),
    dative: tuple[Noun, ...] = (),
    oblique: tuple[Slot, ...] = (),
    setting: tuple[Slot, ...] = (),
) -> Verb:
    """`english`: sing sings sang sung singing, then a particle; `german`: ein|laden lädt ..."""
    base, third, past, participle, progressive, *particle = english.split()
    prefix, _, principal_parts = german.rpartition("|")
    infinitive, german_third, german_past, german_participle = principal_parts.split()
    return Verb(
        english=EnglishForms(
            base=base, third=third, past=past, participle=participle, progressive=progressive
        ),
        german=GermanForms(
            infinitive=infinitive,
            third=german_third,
            past=german_past,
            participle=german_participle,
            prefix=prefix,
        ),
        aspect=aspect,
        subjects=subjects,
        moves=moves,
        particle=" ".join(particle),
        direct=direct,
        dative=dative,
        oblique=oblique,
        setting=setting,
    )
