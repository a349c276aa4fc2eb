"""Scores of a language model a token, a word, a character and a byte, which need a text's size."""

import math
from dataclasses import dataclass

from compiler.spec.data import RunningText
from compiler.spec.spec import Spec
from runtime.data.files import find_files
from runtime.data.running import SEPARATORS, read_running
from runtime.data.tasks import task_of
from runtime.scoring.measures import Measure, Split
from runtime.training.validation import Losses, perplexity


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSize:
    """The size of a text as it is in the files."""

    texts: int
    """Lines without empty ones, or documents of a running text."""
    words: int
    """Words between spaces."""
    characters: int
    bytes: int


def size_of_lines(spec: Spec, split: Split) -> TextSize:
    """Count lines that are not empty, without their ends."""
    lines = words = characters = octets = 0
    for (line,) in task_of(spec).rows(split):
        if found := line.split():
            lines += 1
            words += len(found)
            characters += len(line)
            octets += len(line.encode())
    return TextSize(texts=lines, words=words, characters=characters, bytes=octets)


def size_of_running_text(spec: Spec, split: Split) -> TextSize:
    """Count documents and the line breaks between them.

    Blank lines that separate nothing do not count.
    """
    data = spec.data
    corpus = data.corpora[split]
    assert isinstance(corpus, RunningText)
    documents = words = characters = octets = 0
    for line in read_running(corpus, find_files(corpus.text, data.folder)):
        documents += line.begins
        words += len(line.text.split())
        characters += len(line.text)
        octets += len(line.text.encode())
    separators = max(documents - 1, 0) * len(SEPARATORS[corpus.separator])
    return TextSize(
        texts=documents,
        words=words,
        characters=characters + separators,
        bytes=octets + separators,
    )


def measures_of_lines(
    losses: Losses, tokens: int, size: TextSize, vocabulary: int
) -> tuple[Measure, ...]:
    """Return the scores of lines; the end of each counts as a token, a word and a character."""
    nats = losses.nll * tokens
    words, characters = size.words + size.texts, size.characters + size.texts
    return (
        Measure(
            name="perplexity",
            value=perplexity(losses.nll),
            protocol=f"e^(nats / token), {tokens:,} tokens with {size.texts:,} ends, of a "
            f"vocabulary of {vocabulary:,}",
        ),
        Measure(
            name="word_perplexity",
            value=perplexity(nats / words),
            protocol=f"e^(nats / word), {words:,} words between spaces with {size.texts:,} ends",
        ),
        Measure(
            name="bits_per_character",
            value=nats / math.log(2) / characters,
            protocol=f"{characters:,} characters with {size.texts:,} ends",
        ),
        Measure(
            name="accuracy", value=losses.accuracy, protocol=f"the likeliest of {tokens:,} tokens"
        ),
    )


def measures_of_running_text(
    losses: Losses, tokens: int, size: TextSize, where: str
) -> tuple[Measure, ...]:
    """Return the scores of a text of `tokens` tokens, ends of documents included, by windows."""
    bits = losses.nll * tokens / math.log(2)
    likeliest = f"the likeliest of {tokens:,} tokens, {where}"
    return (
        Measure(
            name="perplexity",
            value=perplexity(losses.nll),
            protocol=f"e^(nats / token), {tokens:,} tokens, {where}",
        ),
        Measure(name="nats_per_token", value=losses.nll, protocol=f"{tokens:,} tokens, {where}"),
        Measure(
            name="bits_per_byte", value=bits / size.bytes, protocol=f"{size.bytes:,} bytes of text"
        ),
        Measure(
            name="bits_per_character",
            value=bits / size.characters,
            protocol=f"{size.characters:,} characters of text",
        ),
        Measure(
            name="word_perplexity",
            value=perplexity(losses.nll * tokens / max(size.words, 1)),
            protocol=f"e^(nats / word), {size.words:,} words between spaces",
        ),
        Measure(name="accuracy", value=losses.accuracy, protocol=likeliest),
    )
