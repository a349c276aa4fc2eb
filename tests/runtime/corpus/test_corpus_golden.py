"""Fixed constructions with the German we vouch for, checked by hand, word by word."""

from typing import Any

import pytest

from runtime.corpus import Phenomenon, nouns
from runtime.corpus import adjectives as a
from runtime.corpus import function_words as f
from runtime.corpus import intransitive_verbs as iv
from runtime.corpus import pronouns as p
from runtime.corpus import transitive_verbs as tv
from runtime.corpus.draw import be
from runtime.corpus.pair import linearise
from runtime.corpus.syntax import (
    Clause,
    Coordinate,
    Nominal,
    NounPhrase,
    PrepositionalPhrase,
    Purpose,
    RelativePronoun,
    Sentence,
    Subordinate,
)
from runtime.corpus.words import (
    Conjunction,
    Determiner,
    Gender,
    Noun,
    Number,
    Preposition,
    Tense,
    Verb,
)

NOUNS: dict[str, Noun] = {
    noun.english: noun
    for noun in (
        *(*nouns.PERSONS, *nouns.ANIMALS, *nouns.THINGS, *nouns.ROOMS),
        *(*nouns.SIGHTS, *nouns.SURROUNDINGS, nouns.OWNER),
    )
}
ADJECTIVES = {word.english: word for word in a.ADJECTIVES}
PAST, PERFECT, FUTURE = Tense.PAST, Tense.PERFECT, Tense.FUTURE
SIMPLE, PROGRESSIVE = Tense.SIMPLE, Tense.PROGRESSIVE
TIMES = {adverb.english: adverb for adverb in (*f.TIMES, *f.COMMENTS)}


def np(
    english: str,
    determiner: Determiner = f.THE,
    *,
    plural: bool = False,
    relative: Clause | None = None,
) -> NounPhrase:
    """np("old man"): the noun phrase, by its English adjective and noun."""
    *adjective, noun = english.split()
    return NounPhrase(
        noun=NOUNS[noun],
        number=Number.PLURAL if plural else Number.SINGULAR,
        determiner=determiner,
        adjective=ADJECTIVES[adjective[0]] if adjective else None,
        relative=relative,
    )


def pp(
    preposition: Preposition, english: str, determiner: Determiner = f.THE, *, plural: bool = False
) -> tuple[PrepositionalPhrase, ...]:
    phrase = np(english, determiner, plural=plural)
    return (PrepositionalPhrase(preposition=preposition, object=phrase),)


def that(english: str, *, plural: bool = False) -> RelativePronoun:
    noun = NOUNS[english]
    number = Number.PLURAL if plural else Number.SINGULAR
    return RelativePronoun(gender=noun.gender, number=number, human=noun in nouns.PERSONS)


def sub(conjunction: Conjunction, clause: Clause) -> Subordinate:
    return Subordinate(conjunction=conjunction, clause=clause)


def then(conjunction: Conjunction, clause: Clause, *, shares: bool) -> Coordinate:
    return Coordinate(conjunction=conjunction, clause=clause, shares=shares)


IT = {gender: p.it(gender) for gender in Gender}


def clause(subject: Nominal, verb: Verb, tense: Tense, **rest: Any) -> Clause:
    return Clause(subject=subject, verb=verb, tense=tense, **rest)


def said(main: Clause, english: str, german: str) -> tuple[Sentence, str, str]:
    return Sentence(main=main), english, german


MAIN_CLAUSES = [
    said(
        clause(
            np("woman"),
            tv.SEE,
            PAST,
            direct=np("old dog", f.A),
            prepositional=pp(f.IN, "garden"),
            topic=TIMES["yesterday"],
        ),
        "Yesterday the woman saw an old dog in the garden.",
        "Gestern sah die Frau einen alten Hund im Garten.",
    ),
    said(
        clause(
            np("student"),
            tv.GIVE,
            PERFECT,
            direct=np("expensive book", f.A),
            dative=np("boy"),
            topic=TIMES["unfortunately"],
        ),
        "Unfortunately, the student has given an expensive book to the boy.",
        "Leider hat der Student dem Jungen ein teures Buch gegeben.",
    ),
    said(
        clause(p.I, tv.CALL, PROGRESSIVE, direct=np("neighbour", f.MY), adverb=TIMES["now"]),
        "I am calling my neighbour now.",
        "Ich rufe jetzt meinen Nachbarn an.",
    ),
    said(
        clause(np("child", plural=True), iv.RUN, PERFECT, prepositional=pp(f.TO, "church")),
        "The children have run to the church.",
        "Die Kinder sind zur Kirche gelaufen.",
    ),
    said(
        clause(
            p.WE,
            iv.PLAY,
            SIMPLE,
            prepositional=(*pp(f.WITH, "small dog", plural=True), *pp(f.IN, "kitchen")),
            adverb=TIMES["every day"],
        ),
        "We play with the small dogs in the kitchen every day.",
        "Wir spielen jeden Tag in der Küche mit den kleinen Hunden.",
    ),
    said(
        clause(np("cat", f.A), iv.SLEEP, PROGRESSIVE, topic=pp(f.IN, "dark cellar", f.THIS)[0]),
        "In this dark cellar a cat is sleeping.",
        "In diesem dunklen Keller schläft eine Katze.",
    ),
    said(
        clause(np("girl"), tv.BUY, PAST, modal=f.WANT, direct=np("sweet apple", f.A, plural=True)),
        "The girl wanted to buy sweet apples.",
        "Das Mädchen wollte süße Äpfel kaufen.",
    ),
    said(
        clause(
            np("doctor"),
            tv.CONGRATULATE,
            FUTURE,
            dative=np("daughter", f.HIS, plural=True),
            topic=TIMES["tomorrow"],
        ),
        "Tomorrow the doctor will congratulate his daughters.",
        "Morgen wird der Arzt seinen Töchtern gratulieren.",
    ),
    said(
        clause(p.SHE, tv.RETURN, PAST, direct=p.THEY, dative=p.HE),
        "She returned them to him.",
        "Sie gab sie ihm zurück.",
    ),
    said(
        clause(np("ring", f.THIS), tv.BELONG_TO, SIMPLE, dative=np("rich king", f.A)),
        "This ring belongs to a rich king.",
        "Dieser Ring gehört einem reichen König.",
    ),
]

SUBORDINATE_CLAUSES = [
    (
        Sentence(
            main=be(np("witch"), a.HAPPY, SIMPLE),
            after=sub(f.BECAUSE, clause(p.SHE, tv.SEE, PERFECT, direct=np("dog"))),
        ),
        "The witch is happy because she has seen the dog.",
        "Die Hexe ist glücklich, weil sie den Hund gesehen hat.",
    ),
    (
        Sentence(
            main=clause(np("nun"), iv.KNOW_THAT, SIMPLE),
            after=sub(
                f.THAT,
                clause(
                    np("policeman"),
                    tv.HELP,
                    PAST,
                    modal=f.MUST,
                    dative=np("mother", f.HIS),
                    adverb=TIMES["last week"],
                ),
            ),
        ),
        "The nun knows that the policeman had to help his mother last week.",
        "Die Nonne weiß, dass der Polizist letzte Woche seiner Mutter helfen musste.",
    ),
    (
        Sentence(
            before=sub(f.WHILE, clause(p.I, tv.INVITE, PROGRESSIVE, direct=np("teacher"))),
            main=clause(p.THEY, tv.LISTEN_TO, PROGRESSIVE, dative=p.HE),
        ),
        "While I am inviting the teacher, they are listening to him.",
        "Während ich den Lehrer einlade, hören sie ihm zu.",
    ),
    (
        Sentence(
            main=clause(np("aunt", f.OUR), iv.DRIVE, PERFECT, prepositional=pp(f.INTO, "village")),
            after=Purpose(clause=clause(p.SHE, tv.INVITE, SIMPLE, direct=np("famous actress"))),
        ),
        "Our aunt has driven into the village to invite the famous actress.",
        "Unsere Tante ist ins Dorf gefahren, um die berühmte Schauspielerin einzuladen.",
    ),
    (
        Sentence(
            main=clause(np("king"), iv.ASK, SIMPLE),
            after=sub(
                f.WHETHER, clause(np("student", plural=True), tv.VISIT, FUTURE, direct=np("museum"))
            ),
        ),
        "The king asks whether the students will visit the museum.",
        "Der König fragt, ob die Studenten das Museum besuchen werden.",
    ),
    (
        Sentence(
            before=sub(f.IF, clause(p.I, tv.CALL, SIMPLE, direct=p.SHE)),
            main=be(p.SHE, a.HAPPY, SIMPLE),
        ),
        "If I call her, she is happy.",
        "Wenn ich sie anrufe, ist sie glücklich.",
    ),
]

RELATIVE_CLAUSES = [
    said(
        be(np("man", relative=clause(p.WE, tv.HELP, PERFECT, dative=that("man"))), a.TIRED, SIMPLE),
        "The man whom we have helped is tired.",
        "Der Mann, dem wir geholfen haben, ist müde.",
    ),
    said(
        clause(
            p.I,
            tv.KNOW,
            SIMPLE,
            direct=np("boy", relative=clause(that("boy"), tv.FIND, PERFECT, direct=np("key"))),
        ),
        "I know the boy who has found the key.",
        "Ich kenne den Jungen, der den Schlüssel gefunden hat.",
    ),
    said(
        be(
            np(
                "coat",
                plural=True,
                relative=clause(np("queen"), tv.SELL, PAST, direct=that("coat", plural=True)),
            ),
            ADJECTIVES["expensive"],
            PAST,
        ),
        "The coats that the queen sold were expensive.",
        "Die Mäntel, die die Königin verkaufte, waren teuer.",
    ),
    said(
        be(
            np(
                "library",
                relative=clause(
                    np("son", f.MY),
                    iv.WORK,
                    SIMPLE,
                    prepositional=(PrepositionalPhrase(preposition=f.IN, object=that("library")),),
                ),
            ),
            ADJECTIVES["new"],
            SIMPLE,
        ),
        "The library in which my son works is new.",
        "Die Bibliothek, in der mein Sohn arbeitet, ist neu.",
    ),
]

ANTECEDENTS = [
    (
        Sentence(
            main=clause(np("farmer"), tv.SELL, PAST, direct=np("machine")),
            after=sub(f.BECAUSE, be(IT[Gender.FEMININE], ADJECTIVES["slow"], PAST)),
        ),
        "The farmer sold the machine because it was slow.",
        "Der Bauer verkaufte die Maschine, weil sie langsam war.",
    ),
    (
        Sentence(
            main=clause(np("man"), tv.BUY, PAST, direct=np("umbrella", f.A)),
            after=then(
                f.AND,
                clause(p.HE, tv.GIVE, PAST, direct=IT[Gender.MASCULINE], dative=np("princess")),
                shares=True,
            ),
        ),
        "The man bought an umbrella and gave it to the princess.",
        "Der Mann kaufte einen Schirm und gab ihn der Prinzessin.",
    ),
    (
        Sentence(
            before=sub(f.WHEN, clause(np("girl"), tv.SEE, PAST, direct=np("cow"))),
            main=clause(p.I, tv.FOLLOW, PAST, dative=IT[Gender.FEMININE]),
        ),
        "When the girl saw the cow, I followed it.",
        "Als das Mädchen die Kuh sah, folgte ich ihr.",
    ),
    (
        Sentence(
            main=be(np("bed", f.THIS), ADJECTIVES["old"], SIMPLE),
            after=then(f.BUT, be(IT[Gender.NEUTER], ADJECTIVES["beautiful"], SIMPLE), shares=False),
        ),
        "This bed is old, but it is beautiful.",
        "Dieses Bett ist alt, aber es ist schön.",
    ),
    (
        Sentence(
            main=clause(
                np("goat"),
                iv.WAIT,
                PROGRESSIVE,
                prepositional=(
                    *pp(f.WAIT_FOR, "owner", f.its(Gender.FEMININE)),
                    *pp(f.IN_FRONT_OF, "palace"),
                ),
            )
        ),
        "The goat is waiting for its owner in front of the palace.",
        "Die Ziege wartet vor dem Palast auf ihren Besitzer.",
    ),
    (
        Sentence(
            main=clause(np("horse"), tv.TRUST, SIMPLE, dative=np("owner", f.its(Gender.NEUTER)))
        ),
        "The horse trusts its owner.",
        "Das Pferd vertraut seinem Besitzer.",
    ),
]


@pytest.mark.parametrize(
    ("tree", "english", "german"),
    [*MAIN_CLAUSES, *SUBORDINATE_CLAUSES, *RELATIVE_CLAUSES, *ANTECEDENTS],
)
def test_a_tree_is_said_correctly_in_both(tree: Sentence, english: str, german: str) -> None:
    pair = linearise(tree)
    assert (pair.english, pair.german) == (english, german)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (MAIN_CLAUSES[1][0], {Phenomenon.CASE: ("dem Jungen",)}),
        (
            SUBORDINATE_CLAUSES[0][0],
            {Phenomenon.CASE: ("den Hund",), Phenomenon.VERB_FINAL: ("gesehen hat.",)},
        ),
        (
            RELATIVE_CLAUSES[0][0],
            {Phenomenon.VERB_FINAL: ("geholfen haben,",), Phenomenon.ANTECEDENT: ("Mann, dem",)},
        ),
        (
            ANTECEDENTS[1][0],
            {
                Phenomenon.CASE: ("einen Schirm", "der Prinzessin"),
                Phenomenon.ANTECEDENT: ("ihn der",),
            },
        ),
        (
            ANTECEDENTS[4][0],
            {
                Phenomenon.CASE: ("vor dem Palast", "auf ihren Besitzer"),
                Phenomenon.ANTECEDENT: ("ihren Besitzer",),
            },
        ),
    ],
)
def test_a_tree_asks_for_its_difficulties(
    tree: Sentence, expected: dict[Phenomenon, tuple[str, ...]]
) -> None:
    assert linearise(tree).phenomena == expected
