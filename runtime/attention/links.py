"""The positions of antecedents and verbs that the demo corpus writes beside its texts.

A file `valid.links.jsonl` or `test.links.jsonl` has an object for each sentence: its `words`, marks
included, the positions of its `nouns` among them, `antecedents` as `{"pronoun": 7, "antecedent": 4,
"kind": "it"}`, and `verbs` as `{"subject": 1, "verb": 2}`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compiler.spec.spec import Spec
from runtime.data.files import corpus_files, read_rows
from runtime.data.lines import read_lines

FILE = "{split}.links.jsonl"
FAR_VERB = 3
"""Words from a subject to its verb, from which on they are told apart from neighbours."""
PRONOUNS = {
    "it, its → antecedent": ("it", "its"),
    "he, she, they → antecedent": ("personal",),
    "his, her, their → owner": ("possessive",),
    "who, whom, which, that → noun": ("relative",),
}
VERB = "subject → last verb of its clause"
FAR_VERBS = f"{VERB}, {FAR_VERB} words away or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A word of a sentence, and the word on which its largest weight should be."""

    sentence: int
    word: int
    answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence with its words and the positions of its nouns."""

    text: str
    words: tuple[str, ...]
    nouns: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedText:
    """The sentences of a split, and for each task its questions."""

    sentences: tuple[Sentence, ...]
    questions: dict[str, tuple[Question, ...]]


def linked_text(spec: Spec, split: str) -> LinkedText | None:
    """Return a split with the links beside it.

    None where the spec has no such split, where its folder has no links, and where these belong to
    another text, such as the English side of what is read in German.
    """
    corpus = spec.data.corpora.get(split)
    if corpus is None:
        return None
    path = corpus_files(corpus, spec.data.folder)[0].parent / FILE.format(split=split)
    if not path.is_file():
        return None
    texts = [source for source, *_ in read_rows(corpus, spec.data.folder)]
    rows: list[dict[str, Any]] = [json.loads(each) for each in read_lines(path)]
    if len(texts) != len(rows) or any(
        "".join(row["words"]) != text.replace(" ", "")
        for row, text in zip(rows, texts, strict=False)
    ):
        return None
    sentences = [
        Sentence(text=text, words=tuple(row["words"]), nouns=tuple(row["nouns"]))
        for text, row in zip(texts, rows, strict=True)
    ]
    asked: dict[str, list[Question]] = {name: [] for name in (*PRONOUNS, VERB, FAR_VERBS)}
    for number, row in enumerate(rows):
        for name, question in _questions(number, row):
            asked[name].append(question)
    questions = {name: tuple(each) for name, each in asked.items()}
    return LinkedText(sentences=tuple(sentences), questions=questions)


def _questions(number: int, row: dict[str, Any]) -> Iterator[tuple[str, Question]]:
    for each in row["antecedents"]:
        name = next(name for name, kinds in PRONOUNS.items() if each["kind"] in kinds)
        word, answer = each["pronoun"], each["antecedent"]
        yield name, Question(sentence=number, word=word, answer=answer)
    for each in row["verbs"]:
        question = Question(sentence=number, word=each["subject"], answer=each["verb"])
        yield VERB, question
        if abs(each["verb"] - each["subject"]) >= FAR_VERB:
            yield FAR_VERBS, question
