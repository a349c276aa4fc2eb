"""Words of an English sentence that belong together: pronouns and nouns, subjects and verbs.

`english` writes each word that a link may begin or end at as a `Word`, which is a `str` with what
the tree says of it. So the positions come from the tree, and the text is what it would be without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from runtime.corpus.words import Noun


class Word(str):
    """A word with what the tree says of it; compared and joined, it is the text alone.

    `noun` is what the word names, `antecedent` the noun that a pronoun takes up, and `kind` the
    kind of pronoun. `subject_of` and `verb_of` are numbers of clauses.
    """

    noun: Noun | None = None
    antecedent: Noun | None = None
    kind: str = ""
    subject_of: int | None = None
    verb_of: int | None = None


def marked(word: str, **facts: Any) -> Word:
    """Return the word with these facts beside those that it has."""
    result = Word(word)
    known = vars(word) if isinstance(word, Word) else {}
    vars(result).update(known | facts)
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Antecedent:
    """The position of a pronoun and that of the noun that it takes up.

    `kind` is `it`, `its`, `personal` (he, she, they), `possessive` (his, her, their) or `relative`.
    """

    pronoun: int
    antecedent: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseVerb:
    """The positions of a clause's subject, the noun or pronoun, and of the last of its verbs."""

    subject: int
    verb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The words of a sentence, marks included, and positions among them, from 0."""

    words: tuple[str, ...] = ()
    nouns: tuple[int, ...] = ()
    antecedents: tuple[Antecedent, ...] = ()
    verbs: tuple[ClauseVerb, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return the object that is written into a file."""
        return asdict(self)


def links(words: Iterable[str]) -> Links:
    """Return what belongs together among words; of a word with spaces the last counts."""
    single: list[str] = []
    for word in words:
        *before, last = word.split(" ")
        single += [*before, marked(last, **vars(word)) if isinstance(word, Word) else last]
    known = [(place, each) for place, each in enumerate(single) if isinstance(each, Word)]
    nouns = {each.noun: place for place, each in known if each.noun is not None}
    verbs = {each.verb_of: place for place, each in known if each.verb_of is not None}
    return Links(
        words=tuple(map(str, single)),
        nouns=tuple(sorted(nouns.values())),
        antecedents=tuple(
            Antecedent(pronoun=place, antecedent=nouns[each.antecedent], kind=each.kind)
            for place, each in known
            if each.antecedent in nouns
        ),
        verbs=tuple(
            ClauseVerb(subject=place, verb=verbs[each.subject_of])
            for place, each in known
            if each.subject_of in verbs
        ),
    )
