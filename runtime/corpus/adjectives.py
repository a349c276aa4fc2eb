"""The adjectives, each with the nouns it can sensibly describe."""

from runtime.corpus.nouns import (
    ADULTS,
    ANIMALS,
    BUILDINGS,
    CHILDREN,
    CLOTHES,
    DEVICES,
    EQUIPMENT,
    FOOD,
    FURNITURE,
    GOODS,
    INDOORS,
    KIN,
    LUGGAGE,
    OPENINGS,
    PERSONS,
    READING,
    ROOMS,
    SIGHTS,
    SURROUNDINGS,
    THINGS,
    VEHICLES,
)
from runtime.corpus.words import Adjective, Appeal, Noun


def _adjective(
    german: str,
    english: str,
    describes: tuple[Noun, ...],
    appeal: Appeal = Appeal.NEUTRAL,
    *,
    attributive: str = "",
) -> Adjective:
    return Adjective(
        english=english,
        german=german,
        attributive=attributive or german,
        describes=describes,
        appeal=appeal,
    )


_PAINTED = CLOTHES + FURNITURE + VEHICLES + LUGGAGE + OPENINGS
_PLACES = SIGHTS + ROOMS + SURROUNDINGS
_BULKY = FURNITURE + LUGGAGE

FAMOUS = _adjective("berühmt", "famous", ADULTS + SIGHTS, Appeal.FOR)
ADJECTIVES = (
    _adjective("alt", "old", ADULTS + ANIMALS + GOODS + SIGHTS, Appeal.AGAINST),
    _adjective("neu", "new", GOODS + BUILDINGS + OPENINGS, Appeal.FOR),
    _adjective("jung", "young", ADULTS + ANIMALS, Appeal.FOR),
    _adjective("klein", "small", CHILDREN + ANIMALS + THINGS + _PLACES),
    _adjective("groß", "big", ANIMALS + THINGS + _PLACES),
    _adjective("schön", "beautiful", ANIMALS + GOODS + _PLACES, Appeal.FOR),
    _adjective("hässlich", "ugly", ANIMALS + EQUIPMENT + SIGHTS, Appeal.AGAINST),
    _adjective("billig", "cheap", GOODS + FOOD, Appeal.FOR),
    _adjective("teuer", "expensive", GOODS + FOOD, Appeal.AGAINST, attributive="teur"),
    _adjective("schwer", "heavy", _BULKY, Appeal.AGAINST),
    _adjective("leicht", "light", _BULKY, Appeal.FOR),
    _adjective("kaputt", "broken", VEHICLES + DEVICES, Appeal.AGAINST),
    _adjective("schnell", "fast", VEHICLES, Appeal.FOR),
    _adjective("langsam", "slow", VEHICLES, Appeal.AGAINST),
    _adjective("interessant", "interesting", READING, Appeal.FOR),
    _adjective("langweilig", "boring", READING, Appeal.AGAINST),
    _adjective("süß", "sweet", FOOD, Appeal.FOR),
    _adjective("kalt", "cold", FOOD + INDOORS, Appeal.AGAINST),
    _adjective("dunkel", "dark", INDOORS + BUILDINGS, Appeal.AGAINST, attributive="dunkl"),
    FAMOUS,
    _adjective("rot", "red", _PAINTED),
    _adjective("grün", "green", _PAINTED),
    _adjective("schwarz", "black", ANIMALS + _PAINTED),
    _adjective("weiß", "white", ANIMALS + _PAINTED),
    _adjective("freundlich", "friendly", ADULTS + CHILDREN),
    _adjective("klug", "clever", PERSONS),
    _adjective("reich", "rich", ADULTS + KIN),
    _adjective("arm", "poor", ADULTS + CHILDREN),
)


def _feeling(german: str, english: str) -> Adjective:
    return _adjective(german, english, PERSONS)


HAPPY = _feeling("glücklich", "happy")
SAD = _feeling("traurig", "sad")
ANGRY = _feeling("wütend", "angry")
TIRED = _feeling("müde", "tired")
ILL = _feeling("krank", "ill")
HUNGRY = _feeling("hungrig", "hungry")
PROUD = _feeling("stolz", "proud")
FEELINGS = (HAPPY, SAD, ANGRY)
CONDITIONS = (TIRED, ILL, HUNGRY)

ATTRIBUTES = {
    noun: tuple(adjective for adjective in ADJECTIVES if noun in adjective.describes)
    for noun in THINGS + PERSONS + ANIMALS + _PLACES
}

_OPPOSITES = (
    {"old", "new"},
    {"old", "young"},
    {"beautiful", "ugly"},
    {"cheap", "expensive"},
    {"heavy", "light"},
    {"fast", "slow"},
    {"interesting", "boring"},
)


def are_opposites(one: Adjective, other: Adjective) -> bool:
    """Whether nothing can be both."""
    return {one.english, other.english} in _OPPOSITES
