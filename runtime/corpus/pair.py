"""A sentence in both languages, with what the German must get right."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.corpus import english, german
from runtime.corpus.phrase import Phenomenon, detokenise, sentence_case
from runtime.corpus.syntax import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`phenomena` names the phrases of `german` that show whether a difficulty was mastered."""

    english: str
    german: str
    phenomena: Mapping[Phenomenon, tuple[str, ...]] = field(hash=False)


def linearise(tree: Sentence) -> Pair:
    """Puts what the tree says into the order of each language."""
    translation = german.sentence(tree)
    return Pair(
        english=sentence_case(detokenise(english.sentence(tree))),
        german=sentence_case(detokenise(translation.words)),
        phenomena=translation.expected(),
    )
