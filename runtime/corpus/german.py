"""German word order, by topological fields.

main clause         | forefield | finite verb | middle field      | right bracket |
subordinate clause  | conjunction             | all constituents  | whole group   |

What opens a main clause (subject, adverbial or subordinate clause) only decides what stands in
the forefield; the rest follows.
"""

from runtime.corpus import inflection
from runtime.corpus.inflection import VerbGroup
from runtime.corpus.phrase import Phenomenon, Phrase, join, phrase
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
from runtime.corpus.words import Adverb, Case, Declension

COMMA = phrase(",")
STOP = phrase(".")
_CASES = (Case.NOMINATIVE, Case.ACCUSATIVE, Case.DATIVE)


def sentence(tree: Sentence) -> Phrase:
    before = Phrase() if tree.before is None else subordinate(tree.before)
    return join(verb_second(tree.main, before), _after(tree), STOP)


def _after(tree: Sentence) -> Phrase:
    match tree.after:
        case Subordinate():
            return COMMA + subordinate(tree.after)
        case Purpose():
            return join(COMMA, phrase("um"), purpose(tree.after))
        case Coordinate():
            return coordinate(tree.after)
        case None:
            return Phrase()


def subordinate(tree: Subordinate) -> Phrase:
    """weil sie den Hund gesehen hat,"""
    return join(phrase(tree.conjunction.german), verb_final(tree.clause), COMMA)


def purpose(tree: Purpose) -> Phrase:
    """ihre Tante zu besuchen,"""
    verb = phrase(*inflection.infinitive_with_zu(tree.clause.verb))
    return join(_middle_field(tree.clause), _must_close(verb), COMMA)


def coordinate(tree: Coordinate) -> Phrase:
    """und gibt ihn der Königin; or with its own subject: , aber sie ist schön"""
    conjunction = phrase(tree.conjunction.german)
    if not tree.shares:
        return join(COMMA, conjunction, verb_second(tree.clause, Phrase()))
    verbs = _verbs(tree.clause)
    rest = _middle_field(tree.clause) + phrase(*verbs.bracket)
    return join(conjunction, phrase(verbs.finite), rest)


def verb_second(clause: Clause, before: Phrase) -> Phrase:
    """Gestern | hat | sie den Hund | gesehen"""
    verbs = _verbs(clause)
    subject = nominal(clause.subject, Case.NOMINATIVE)
    forefield = before if before.words else _topic(clause)
    opening = join(forefield, phrase(verbs.finite), subject)
    if not forefield.words:
        opening = subject + phrase(verbs.finite)
    return join(opening, _middle_field(clause), phrase(*verbs.bracket))


def verb_final(clause: Clause) -> Phrase:
    """sie gestern den Hund | gesehen hat"""
    subject = nominal(clause.subject, Case.NOMINATIVE)
    return join(subject, _middle_field(clause), _final_verbs(clause))


def relative_clause(clause: Clause) -> Phrase:
    """die Frau gestern | gesehen hat, after the relative pronoun"""
    subject = _overt(clause.subject, Case.NOMINATIVE)
    return join(subject, _middle_field(clause), _final_verbs(clause))


def _final_verbs(clause: Clause) -> Phrase:
    """The verbs that close a clause, marked unless English has the same order here anyway."""
    verbs = phrase(*_verbs(clause).verb_final)
    same_order = len(verbs.words) == 1 and not _middle_field(clause).words
    return verbs if same_order else _must_close(verbs)


def _must_close(verbs: Phrase) -> Phrase:
    """Marks the verbs together with the comma or stop behind them."""
    return verbs.marked(Phenomenon.VERB_FINAL, after=1)


def _gap(clause: Clause) -> Phrase:
    """The relative pronoun, with its preposition: den, dem, in der"""
    roles = (clause.subject, clause.direct, clause.dative)
    for role, case in zip(roles, _CASES, strict=True):
        if isinstance(role, RelativePronoun):
            return phrase(inflection.relative_pronoun(case, role.gender, role.number))
    gaps = [p for p in clause.prepositional if isinstance(p.object, RelativePronoun)]
    return join(*(prepositional_phrase(gap) for gap in gaps))


def _verbs(clause: Clause) -> VerbGroup:
    agreement = clause.subject.agreement
    return inflection.verb_group(clause.verb, clause.tense, clause.modal, agreement)


def _topic(clause: Clause) -> Phrase:
    match clause.topic:
        case Adverb():
            return phrase(clause.topic.german)
        case PrepositionalPhrase():
            return prepositional_phrase(clause.topic)
        case None:
            return Phrase()


def _middle_field(clause: Clause) -> Phrase:
    """Pronouns, adverb, dative, accusative, predicative, places.

    What belongs closest to the verb comes first in English and last in German, where the
    verb's place is the end: waits for the king in the park, im Park auf den König (wartet).
    """
    direct, dative = clause.direct, clause.dative
    places = [p for p in clause.prepositional if not isinstance(p.object, RelativePronoun)]
    return join(
        _overt(direct, Case.ACCUSATIVE) if isinstance(direct, Pronoun) else Phrase(),
        _overt(dative, Case.DATIVE) if isinstance(dative, Pronoun) else Phrase(),
        phrase(clause.adverb.german) if clause.adverb else Phrase(),
        Phrase() if isinstance(dative, Pronoun) else _overt(dative, Case.DATIVE),
        Phrase() if isinstance(direct, Pronoun) else _overt(direct, Case.ACCUSATIVE),
        phrase(clause.predicative.german) if clause.predicative else Phrase(),
        *(prepositional_phrase(place) for place in reversed(places)),
    )


def _overt(role: Nominal | None, case: Case) -> Phrase:
    if role is None or isinstance(role, RelativePronoun):
        return Phrase()
    return nominal(role, case)


def nominal(role: Nominal, case: Case) -> Phrase:
    match role:
        case NounPhrase():
            words = bare_noun_phrase(role, case)
            if case is not Case.NOMINATIVE and _case_shows(words, role):
                words = words.marked(Phenomenon.CASE)
            return _attach(words, role.relative)
        case Pronoun():
            return pronoun(role, case)
        case RelativePronoun():
            return phrase(inflection.relative_pronoun(case, role.gender, role.number))


def _case_shows(words: Phrase, role: NounPhrase) -> bool:
    return words.words != bare_noun_phrase(role, Case.NOMINATIVE).words


def pronoun(role: Pronoun, case: Case) -> Phrase:
    """Marked with the next word, since words as short as these are easily found elsewhere."""
    word = phrase(role.german[_CASES.index(case)])
    if role.from_antecedent:
        return word.marked(Phenomenon.ANTECEDENT, after=1)
    return word if case is Case.NOMINATIVE else word.marked(Phenomenon.CASE, after=1)


def bare_noun_phrase(role: NounPhrase, case: Case) -> Phrase:
    """den alten Hund"""
    agreement = (case, role.noun.gender, role.number)
    article = phrase(inflection.determiner(role.determiner, *agreement))
    if role.determiner.from_antecedent:
        article = article.marked(Phenomenon.ANTECEDENT, after=1)
    adjective = Phrase()
    if role.adjective is not None:
        adjective = phrase(inflection.attributive(role.adjective, role.determiner, *agreement))
    return join(article, adjective, phrase(inflection.noun(role.noun, case, role.number)))


def _attach(words: Phrase, relative: Clause | None) -> Phrase:
    """den Hund, der im Garten schläft,"""
    if relative is None:
        return words
    noun = len(words.words) - 1
    link = join(words, COMMA, _gap(relative)).marked(Phenomenon.ANTECEDENT, start=noun)
    return join(link, relative_clause(relative), COMMA)


def prepositional_phrase(role: PrepositionalPhrase) -> Phrase:
    """mit dem Hund, im Garten, in der Küche"""
    case = role.preposition.case
    preposition = phrase(role.preposition.german)
    if isinstance(role.object, RelativePronoun):
        return preposition + nominal(role.object, case)
    words = bare_noun_phrase(role.object, case)
    fused = dict(role.preposition.fuses).get(words.words[0])
    if fused is None or role.object.determiner.declension is not Declension.DEFINITE:
        return (preposition + words).marked(Phenomenon.CASE)
    return Phrase(words=(fused, *words.words[1:])).marked(Phenomenon.CASE)
