"""The grammar: the kinds of sentence, how often each is spoken, and the endless stream of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from runtime.corpus import antecedents, clauses, english, german
from runtime.corpus.draw import Draw
from runtime.corpus.links import Links, links
from runtime.corpus.phrase import Phenomenon, detokenise, sentence_case
from runtime.corpus.syntax import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`phenomena` names the phrases of `german` that show whether a difficulty was mastered.

    `links` says which words of `english` belong together.
    """

    english: str
    german: str
    phenomena: Mapping[Phenomenon, tuple[str, ...]] = field(hash=False)
    links: Links = field(default=Links(), compare=False)


def linearise(tree: Sentence) -> Pair:
    """Puts what the tree says into the order of each language."""
    words, translation = english.sentence(tree), german.sentence(tree)
    found = links(words)
    first, *others = found.words
    return Pair(
        english=sentence_case(detokenise(words)),
        german=sentence_case(detokenise(translation.words)),
        phenomena=translation.expected(),
        links=replace(found, words=(sentence_case(first), *others)),
    )


Pattern = Callable[[Draw], Sentence]

PATTERNS: tuple[tuple[int, Pattern], ...] = (
    (10, clauses.event),
    (4, clauses.habit),
    (4, clauses.duty),
    (3, clauses.state),
    (3, clauses.scene),
    (4, clauses.hindrance),
    (5, clauses.motive),
    (5, clauses.feeling),
    (5, clauses.report),
    (4, clauses.possibility),
    (3, clauses.meanwhile),
    (3, clauses.occasion),
    (3, clauses.condition),
    (4, clauses.errand),
    (4, clauses.acting_subject),
    (5, clauses.acting_object),
    (4, clauses.affected_person),
    (4, clauses.affected_thing),
    (3, clauses.place),
    (5, antecedents.reason),
    (4, antecedents.objection),
    (3, antecedents.fronted_objection),
    (5, antecedents.sequel),
    (4, antecedents.occasion),
    (4, antecedents.plan),
    (3, antecedents.contrast),
    (3, antecedents.tired_animal),
    (3, antecedents.startled_animal),
    (3, antecedents.loyal_animal),
    (2, antecedents.waiting_animal),
    (2, antecedents.playful_animal),
    (3, antecedents.pride),
)
_BALLOT: tuple[Pattern, ...] = tuple(pattern for weight, pattern in PATTERNS for _ in range(weight))


def pairs(seed: int) -> Iterator[Pair]:
    """Endless sentence pairs, a function of `seed` alone; no English sentence comes twice."""
    random = Random(seed)
    spoken: set[str] = set()
    while True:
        draw = Draw(random)
        pair = linearise(draw.one_of(_BALLOT)(draw))
        if pair.english not in spoken:
            spoken.add(pair.english)
            yield pair
