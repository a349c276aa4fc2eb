"""The grammar: the kinds of sentence, how often each is spoken, and the endless stream of them."""

from collections.abc import Callable, Iterator
from random import Random

from runtime.corpus import antecedents, main_clauses, relative_clauses, subordinate_clauses
from runtime.corpus.draw import Draw
from runtime.corpus.pair import Pair, linearise
from runtime.corpus.syntax import Sentence

Pattern = Callable[[Draw], Sentence]

PATTERNS: tuple[tuple[int, Pattern], ...] = (
    (10, main_clauses.event),
    (4, main_clauses.habit),
    (4, main_clauses.duty),
    (3, main_clauses.state),
    (3, main_clauses.scene),
    (4, subordinate_clauses.hindrance),
    (5, subordinate_clauses.motive),
    (5, subordinate_clauses.feeling),
    (5, subordinate_clauses.report),
    (4, subordinate_clauses.possibility),
    (3, subordinate_clauses.meanwhile),
    (3, subordinate_clauses.occasion),
    (3, subordinate_clauses.condition),
    (4, subordinate_clauses.errand),
    (4, relative_clauses.acting_subject),
    (5, relative_clauses.acting_object),
    (4, relative_clauses.affected_person),
    (4, relative_clauses.affected_thing),
    (3, relative_clauses.place),
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
