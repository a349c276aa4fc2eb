"""Fixed constructions with the German we vouch for, checked by hand, word by word."""

from typing import Any

import pytest

from runtime.corpus import Phenomenon, lexicon
from runtime.corpus import pronouns as p
from runtime.corpus.draw import be, coordinate, subordinate
from runtime.corpus.grammar import linearise
from runtime.corpus.syntax import (
    Clause,
    Nominal,
    NounPhrase,
    PrepositionalPhrase,
    Purpose,
    RelativePronoun,
    Sentence,
)
from runtime.corpus.words import (
    Determiner,
    Gender,
    Noun,
    Number,
    Tense,
)

NOUNS: dict[str, Noun] = {
    noun.english: noun
    for noun in lexicon.nouns(
        *("persons", "animals", "things", "rooms", "sights", "surroundings", "owner")
    )
}
ADJECTIVES = {word.english: word for word in lexicon.adjectives(*lexicon.ADJECTIVES)}
PAST, PERFECT, FUTURE = Tense.PAST, Tense.PERFECT, Tense.FUTURE
SIMPLE, PROGRESSIVE = Tense.SIMPLE, Tense.PROGRESSIVE
TIMES = {adverb.english: adverb for adverb in (*lexicon.TIMES, *lexicon.COMMENTS)}


def np(
    english: str,
    determiner: Determiner = p.THE,
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
    preposition: str, english: str, determiner: Determiner = p.THE, *, plural: bool = False
) -> tuple[PrepositionalPhrase, ...]:
    phrase = np(english, determiner, plural=plural)
    return (PrepositionalPhrase(preposition=lexicon.PREPOSITIONS[preposition], object=phrase),)


def that(english: str, *, plural: bool = False) -> RelativePronoun:
    noun = NOUNS[english]
    number = Number.PLURAL if plural else Number.SINGULAR
    return RelativePronoun(
        gender=noun.gender, number=number, human=noun in lexicon.nouns("persons")
    )


IT = {noun.gender: p.it(noun) for noun in NOUNS.values()}


def clause(
    subject: Nominal, verb: str, tense: Tense, modal: str | None = None, **rest: Any
) -> Clause:
    return Clause(
        subject=subject,
        verb=lexicon.VERBS[verb],
        tense=tense,
        modal=lexicon.MODALS[modal] if modal else None,
        **rest,
    )


def said(main: Clause, english: str, german: str) -> tuple[Sentence, str, str]:
    return Sentence(main=main), english, german


MAIN_CLAUSES = [
    said(
        clause(
            np("woman"),
            "see",
            PAST,
            direct=np("old dog", p.A),
            prepositional=pp("in", "garden"),
            topic=TIMES["yesterday"],
        ),
        "Yesterday the woman saw an old dog in the garden.",
        "Gestern sah die Frau einen alten Hund im Garten.",
    ),
    said(
        clause(
            np("student"),
            "give",
            PERFECT,
            direct=np("expensive book", p.A),
            dative=np("boy"),
            topic=TIMES["unfortunately"],
        ),
        "Unfortunately, the student has given an expensive book to the boy.",
        "Leider hat der Student dem Jungen ein teures Buch gegeben.",
    ),
    said(
        clause(
            p.I,
            "call",
            PROGRESSIVE,
            direct=np("neighbour", p.MY),
            adverb=TIMES["now"],
        ),
        "I am calling my neighbour now.",
        "Ich rufe jetzt meinen Nachbarn an.",
    ),
    said(
        clause(
            np("child", plural=True),
            "run",
            PERFECT,
            prepositional=pp("to", "church"),
        ),
        "The children have run to the church.",
        "Die Kinder sind zur Kirche gelaufen.",
    ),
    said(
        clause(
            p.WE,
            "play",
            SIMPLE,
            prepositional=(
                *pp("with", "small dog", plural=True),
                *pp("in", "kitchen"),
            ),
            adverb=TIMES["every day"],
        ),
        "We play with the small dogs in the kitchen every day.",
        "Wir spielen jeden Tag in der Küche mit den kleinen Hunden.",
    ),
    said(
        clause(
            np("cat", p.A),
            "sleep",
            PROGRESSIVE,
            topic=pp("in", "dark cellar", p.THIS)[0],
        ),
        "In this dark cellar a cat is sleeping.",
        "In diesem dunklen Keller schläft eine Katze.",
    ),
    said(
        clause(
            np("girl"),
            "buy",
            PAST,
            modal="want",
            direct=np("sweet apple", p.A, plural=True),
        ),
        "The girl wanted to buy sweet apples.",
        "Das Mädchen wollte süße Äpfel kaufen.",
    ),
    said(
        clause(
            np("doctor"),
            "congratulate",
            FUTURE,
            dative=np("daughter", p.HIS, plural=True),
            topic=TIMES["tomorrow"],
        ),
        "Tomorrow the doctor will congratulate his daughters.",
        "Morgen wird der Arzt seinen Töchtern gratulieren.",
    ),
    said(
        clause(p.SHE, "return", PAST, direct=p.THEY, dative=p.HE),
        "She returned them to him.",
        "Sie gab sie ihm zurück.",
    ),
    said(
        clause(np("ring", p.THIS), "belong to", SIMPLE, dative=np("rich king", p.A)),
        "This ring belongs to a rich king.",
        "Dieser Ring gehört einem reichen König.",
    ),
]

SUBORDINATE_CLAUSES = [
    (
        Sentence(
            main=be(np("witch"), ADJECTIVES["happy"], SIMPLE),
            after=subordinate(
                "because",
                clause(p.SHE, "see", PERFECT, direct=np("dog")),
            ),
        ),
        "The witch is happy because she has seen the dog.",
        "Die Hexe ist glücklich, weil sie den Hund gesehen hat.",
    ),
    (
        Sentence(
            main=clause(np("nun"), "know that", SIMPLE),
            after=subordinate(
                "that",
                clause(
                    np("policeman"),
                    "help",
                    PAST,
                    modal="must",
                    dative=np("mother", p.HIS),
                    adverb=TIMES["last week"],
                ),
            ),
        ),
        "The nun knows that the policeman had to help his mother last week.",
        "Die Nonne weiß, dass der Polizist letzte Woche seiner Mutter helfen musste.",
    ),
    (
        Sentence(
            before=subordinate(
                "while",
                clause(p.I, "invite", PROGRESSIVE, direct=np("teacher")),
            ),
            main=clause(p.THEY, "listen to", PROGRESSIVE, dative=p.HE),
        ),
        "While I am inviting the teacher, they are listening to him.",
        "Während ich den Lehrer einlade, hören sie ihm zu.",
    ),
    (
        Sentence(
            main=clause(
                np("aunt", p.OUR),
                "drive",
                PERFECT,
                prepositional=pp("into", "village"),
            ),
            after=Purpose(clause=clause(p.SHE, "invite", SIMPLE, direct=np("famous actress"))),
        ),
        "Our aunt has driven into the village to invite the famous actress.",
        "Unsere Tante ist ins Dorf gefahren, um die berühmte Schauspielerin einzuladen.",
    ),
    (
        Sentence(
            main=clause(np("king"), "ask", SIMPLE),
            after=subordinate(
                "whether",
                clause(np("student", plural=True), "visit", FUTURE, direct=np("museum")),
            ),
        ),
        "The king asks whether the students will visit the museum.",
        "Der König fragt, ob die Studenten das Museum besuchen werden.",
    ),
    (
        Sentence(
            before=subordinate("if", clause(p.I, "call", SIMPLE, direct=p.SHE)),
            main=be(p.SHE, ADJECTIVES["happy"], SIMPLE),
        ),
        "If I call her, she is happy.",
        "Wenn ich sie anrufe, ist sie glücklich.",
    ),
]

RELATIVE_CLAUSES = [
    said(
        be(
            np("man", relative=clause(p.WE, "help", PERFECT, dative=that("man"))),
            ADJECTIVES["tired"],
            SIMPLE,
        ),
        "The man whom we have helped is tired.",
        "Der Mann, dem wir geholfen haben, ist müde.",
    ),
    said(
        clause(
            p.I,
            "know",
            SIMPLE,
            direct=np(
                "boy",
                relative=clause(that("boy"), "find", PERFECT, direct=np("key")),
            ),
        ),
        "I know the boy who has found the key.",
        "Ich kenne den Jungen, der den Schlüssel gefunden hat.",
    ),
    said(
        be(
            np(
                "coat",
                plural=True,
                relative=clause(np("queen"), "sell", PAST, direct=that("coat", plural=True)),
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
                    np("son", p.MY),
                    "work",
                    SIMPLE,
                    prepositional=(
                        PrepositionalPhrase(
                            preposition=lexicon.PREPOSITIONS["in"], object=that("library")
                        ),
                    ),
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
            main=clause(np("farmer"), "sell", PAST, direct=np("machine")),
            after=subordinate("because", be(IT[Gender.FEMININE], ADJECTIVES["slow"], PAST)),
        ),
        "The farmer sold the machine because it was slow.",
        "Der Bauer verkaufte die Maschine, weil sie langsam war.",
    ),
    (
        Sentence(
            main=clause(np("man"), "buy", PAST, direct=np("umbrella", p.A)),
            after=coordinate(
                "and",
                clause(
                    p.HE,
                    "give",
                    PAST,
                    direct=IT[Gender.MASCULINE],
                    dative=np("princess"),
                ),
                shares=True,
            ),
        ),
        "The man bought an umbrella and gave it to the princess.",
        "Der Mann kaufte einen Schirm und gab ihn der Prinzessin.",
    ),
    (
        Sentence(
            before=subordinate(
                "when",
                clause(np("girl"), "see", PAST, direct=np("cow")),
            ),
            main=clause(p.I, "follow", PAST, dative=IT[Gender.FEMININE]),
        ),
        "When the girl saw the cow, I followed it.",
        "Als das Mädchen die Kuh sah, folgte ich ihr.",
    ),
    (
        Sentence(
            main=be(np("bed", p.THIS), ADJECTIVES["old"], SIMPLE),
            after=coordinate(
                "but",
                be(IT[Gender.NEUTER], ADJECTIVES["beautiful"], SIMPLE),
                shares=False,
            ),
        ),
        "This bed is old, but it is beautiful.",
        "Dieses Bett ist alt, aber es ist schön.",
    ),
    (
        Sentence(
            main=clause(
                np("goat"),
                "wait",
                PROGRESSIVE,
                prepositional=(
                    *pp("wait for", "owner", p.its(NOUNS["goat"])),
                    *pp("in front of", "palace"),
                ),
            )
        ),
        "The goat is waiting for its owner in front of the palace.",
        "Die Ziege wartet vor dem Palast auf ihren Besitzer.",
    ),
    (
        Sentence(
            main=clause(
                np("horse"),
                "trust",
                SIMPLE,
                dative=np("owner", p.its(NOUNS["horse"])),
            )
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
