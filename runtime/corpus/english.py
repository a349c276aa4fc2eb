"""English word order: subject, verbs, objects, places, time; commas only where one is needed."""

from runtime.corpus.links import Word, marked
from runtime.corpus.syntax import (
    Clause,
    Coordinate,
    Nominal,
    NounPhrase,
    PrepositionalPhrase,
    Pronoun,
    Purpose,
    RelativePronoun,
    Sentence,
    Subordinate,
)
from runtime.corpus.words import Adverb, Agreement, Aspect, Case, Modal, Noun, Number, Tense, Verb

Words = tuple[str, ...]

_CASES = (Case.NOMINATIVE, Case.ACCUSATIVE, Case.DATIVE)
_PERSONS = (Agreement.FIRST_SINGULAR, Agreement.THIRD_SINGULAR, Agreement.PLURAL)
_BE_PRESENT = ("am", "is", "are")
_BE_PAST = ("was", "was", "were")
_HAVE = ("have", "has", "have")


def sentence(tree: Sentence) -> Words:
    before: Words = () if tree.before is None else (*subordinate(tree.before), ",")
    return (*before, *main_clause(tree.main), *_after(tree), ".")


def _after(tree: Sentence) -> Words:
    match tree.after:
        case Subordinate():
            return subordinate(tree.after)
        case Purpose():
            clause = tree.after.clause
            return ("to", clause.verb.english.base, *complements(clause))
        case Coordinate():
            return coordinate(tree.after)
        case None:
            return ()


def subordinate(tree: Subordinate) -> Words:
    return (tree.conjunction.english, *declarative(tree.clause))


def coordinate(tree: Coordinate) -> Words:
    if tree.shares:
        return (tree.conjunction.english, *predicate(tree.clause))
    return (",", tree.conjunction.english, *declarative(tree.clause))


def main_clause(clause: Clause) -> Words:
    match clause.topic:
        case Adverb():
            comma = (",",) if clause.topic.comma else ()
            return (*clause.topic.english.split(), *comma, *declarative(clause))
        case PrepositionalPhrase():
            return (*prepositional_phrase(clause.topic), *declarative(clause))
        case None:
            return declarative(clause)


def declarative(clause: Clause) -> Words:
    return (*_subject(clause), *predicate(clause))


def _subject(clause: Clause) -> Words:
    """The subject; its noun or pronoun is marked as that of the clause."""
    role, words = clause.subject, nominal(clause.subject, Case.NOMINATIVE)
    head = role.noun if isinstance(role, NounPhrase) else None
    return tuple(
        marked(word, subject_of=id(clause))
        if head is None or (isinstance(word, Word) and word.noun is head)
        else word
        for word in words
    )


def predicate(clause: Clause) -> Words:
    """The verbs, of which the last is marked as that of the clause, and what follows them."""
    *before, last = verb_group(clause.verb, clause.tense, clause.modal, clause.subject.agreement)
    return (*before, marked(last, verb_of=id(clause)), *complements(clause))


def complements(clause: Clause) -> Words:
    """Everything behind the verbs; what the relative pronoun stands for is missing here."""
    places = [p for p in clause.prepositional if not isinstance(p.object, RelativePronoun)]
    return (
        *clause.verb.particle.split(),
        *objects(clause),
        *((clause.predicative.english,) if clause.predicative else ()),
        *(word for place in places for word in prepositional_phrase(place)),
        *(clause.adverb.english.split() if clause.adverb else ()),
    )


def objects(clause: Clause) -> Words:
    """the book to the child"""
    direct = _overt(clause.direct, Case.ACCUSATIVE)
    dative = _overt(clause.dative, Case.DATIVE)
    return (*direct, "to", *dative) if clause.direct and dative else (*direct, *dative)


def _overt(role: Nominal | None, case: Case) -> Words:
    if role is None or isinstance(role, RelativePronoun):
        return ()
    return nominal(role, case)


def nominal(role: Nominal, case: Case) -> Words:
    match role:
        case NounPhrase():
            return noun_phrase(role)
        case Pronoun():
            kind = "it" if role.from_antecedent else "personal"
            word = role.english[_CASES.index(case)]
            return (marked(word, antecedent=role.antecedent, kind=kind),)
        case RelativePronoun():
            return (relative_pronoun(role, case),)


def relative_pronoun(role: RelativePronoun, case: Case) -> str:
    if not role.human:
        return "that"
    return "who" if case is Case.NOMINATIVE else "whom"


def noun_phrase(role: NounPhrase) -> Words:
    plural = role.number is Number.PLURAL
    adjective = (role.adjective.english,) if role.adjective else ()
    noun = role.noun.english_plural if plural else role.noun.english
    words = (*adjective, marked(noun, noun=role.noun))
    article = role.determiner.english_plural if plural else role.determiner.english
    if article == "a" and words[0][0] in "aeiou":
        article = "an"
    relative = () if role.relative is None else relative_clause(role.relative, role.noun)
    return (*((_article(article, role),) if article else ()), *words, *relative)


def _article(article: str, role: NounPhrase) -> str:
    """The article; a possessive is marked with the noun whose it says the thing is."""
    kind = "its" if role.determiner.from_antecedent else "possessive"
    noun = role.determiner.antecedent
    return article if noun is None else marked(article, antecedent=noun, kind=kind)


def relative_clause(clause: Clause, noun: Noun) -> Words:
    """The relative pronoun, which takes up `noun`, and its clause."""
    gap = _gap(clause, noun)
    if isinstance(clause.subject, RelativePronoun):
        return (marked(gap[0], subject_of=id(clause)), *predicate(clause))
    return (*gap, *_subject(clause), *predicate(clause))


def _gap(clause: Clause, noun: Noun) -> Words:
    """The relative pronoun, with its preposition: that, whom, in which"""
    roles = (clause.subject, clause.direct, clause.dative)
    for role, case in zip(roles, _CASES, strict=True):
        if isinstance(role, RelativePronoun):
            return (_relative(relative_pronoun(role, case), noun),)
    gaps = [p for p in clause.prepositional if isinstance(p.object, RelativePronoun)]
    words = [word for gap in gaps for word in prepositional_phrase(gap)]
    return (*words[:-1], _relative(words[-1], noun))


def _relative(word: str, noun: Noun) -> Word:
    return marked(word, antecedent=noun, kind="relative")


def prepositional_phrase(role: PrepositionalPhrase) -> Words:
    preposition = role.preposition.english.split()
    match role.object:
        case RelativePronoun():
            return (*preposition, "whom" if role.object.human else "which")
        case NounPhrase():
            return (*preposition, *noun_phrase(role.object))


def verb_group(verb: Verb, tense: Tense, modal: Modal | None, agreement: Agreement) -> Words:
    person = _PERSONS.index(agreement)
    if modal is not None:
        finite = modal.english[person + (3 if tense is Tense.PAST else 0)]
        return (*finite.split(), verb.english.base)
    match tense:
        case Tense.PROGRESSIVE if verb.aspect is not Aspect.STATE:
            return (_BE_PRESENT[person], verb.english.progressive)
        case Tense.PROGRESSIVE | Tense.SIMPLE:
            return (_present(verb, person),)
        case Tense.PAST:
            return (_BE_PAST[person] if verb.english.base == "be" else verb.english.past,)
        case Tense.PERFECT:
            return (_HAVE[person], verb.english.participle)
        case Tense.FUTURE:
            return ("will", verb.english.base)


def _present(verb: Verb, person: int) -> str:
    if verb.english.base == "be":
        return _BE_PRESENT[person]
    return verb.english.third if person == 1 else verb.english.base
