"""The parts of speech: what the lexicon stores about a word, in both languages."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Gender(Enum):
    """Grammatical gender of a German noun; the English noun does not show it."""

    MASCULINE = auto()
    FEMININE = auto()
    NEUTER = auto()


class Number(Enum):
    SINGULAR = auto()
    PLURAL = auto()


class Case(Enum):
    """The cases this grammar uses; it builds no genitive."""

    NOMINATIVE = auto()
    ACCUSATIVE = auto()
    DATIVE = auto()


class Agreement(Enum):
    """The agreement of a finite verb; first and third person plural are alike in both languages."""

    FIRST_SINGULAR = auto()
    THIRD_SINGULAR = auto()
    PLURAL = auto()


class Tense(Enum):
    """The English tenses; PROGRESSIVE and SIMPLE are one present tense in German."""

    PROGRESSIVE = auto()
    SIMPLE = auto()
    PAST = auto()
    PERFECT = auto()
    FUTURE = auto()


class Aspect(Enum):
    """Vendler's classes, as far as they decide which tenses an English verb likes."""

    STATE = auto()
    ACTIVITY = auto()
    ACHIEVEMENT = auto()


class Appeal(Enum):
    """The appeal of a quality: it speaks for or against a thing, so that reasons make sense."""

    FOR = auto()
    AGAINST = auto()
    NEUTRAL = auto()


class Declension(Enum):
    """The declension of a determiner, and with it of the adjective that follows."""

    DEFINITE = auto()
    DER_WORD = auto()
    EIN_WORD = auto()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noun:
    """A word of the lexicon, equal to itself only; without German plural, singular only."""

    english: str
    english_plural: str
    german: str
    german_plural: str
    gender: Gender
    weak: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjective:
    """`attributive` is the stem that takes endings: teuer, but ein teures Buch."""

    english: str
    german: str
    attributive: str
    describes: tuple[Noun, ...]
    appeal: Appeal


@dataclass(frozen=True, slots=True, kw_only=True)
class Preposition:
    """`fuses` maps a definite article to the contracted form: dem -> im."""

    english: str
    german: str
    case: Case
    fuses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A prepositional phrase that a verb can take: the preposition and the nouns that fit it."""

    preposition: Preposition
    nouns: tuple[Noun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnglishForms:
    base: str
    third: str
    past: str
    participle: str
    progressive: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GermanForms:
    """Principal parts without the separable prefix, which is kept apart: an|rufen."""

    infinitive: str
    third: str
    past: str
    participle: str
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb and its valency: which nouns fill its places, empty for a place it does not have.

    `particle` follows the English verb (look *for*); a verb with `direct` and `dative` objects
    has "to" before the second one in English. `oblique` is always there, `setting` may be.
    """

    english: EnglishForms
    german: GermanForms
    aspect: Aspect
    subjects: tuple[Noun, ...]
    moves: bool = False
    particle: str = ""
    direct: tuple[Noun, ...] = ()
    dative: tuple[Noun, ...] = ()
    oblique: tuple[Slot, ...] = ()
    setting: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Modal:
    """`english` and `german`: first singular, third singular, plural; present, then past."""

    english: tuple[str, str, str, str, str, str]
    german: tuple[str, str, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adverb:
    """A time adverbial goes with some tenses; a sentence adverb (`comma`) opens any sentence."""

    english: str
    german: str
    tenses: tuple[Tense, ...]
    comma: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conjunction:
    english: str
    german: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Determiner:
    """`from_antecedent`: the German stem was chosen by a noun elsewhere in the text (its).

    `antecedent` is the noun whose owner a possessive names, where the sentence has it.
    """

    english: str
    english_plural: str
    german: str
    declension: Declension
    from_antecedent: bool = False
    antecedent: Noun | None = field(default=None, compare=False)
