"""How well a language model, masked or not, foretells a text."""

import math
from dataclasses import dataclass

import numpy as np

from compiler.spec.spec import Spec
from runtime.data.tasks.task import read_part
from runtime.run import Run
from runtime.scoring.examples import losses_of, split_examples
from runtime.scoring.measures import Measure, Measured
from runtime.scoring.scoring_set import Split
from runtime.training.validation import Losses, perplexity


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of a text without its empty lines."""

    lines: int
    words: int
    characters: int


def measure_language_model(
    run: Run, split: Split, average: int | None, device: str | None
) -> Measured:
    """Perplexities a token and a word, and bits a character, which any tokens leave comparable."""
    with split_examples(run, split) as examples:
        tokens = examples.count_labels(np.arange(len(examples)))
        losses = losses_of(run, split, examples, average, device)
    size = size_of(run.package.spec, split)
    measures = language_measures(losses, tokens, size, run.tokenizers()[0].size)
    return measured(run, split, size.lines, measures, average)


def measure_masked_language_model(
    run: Run, split: Split, average: int | None, device: str | None
) -> Measured:
    """Perplexity and accuracy where tokens are masked."""
    with split_examples(run, split) as examples:
        tokens, texts = examples.count_labels(np.arange(len(examples))), len(examples)
        losses = losses_of(run, split, examples, average, device)
    masking = run.package.spec.training.masking
    share = "" if masking is None else f", {masking.share:.0%} of each text"
    where = f"{tokens:,} tokens{share}, chosen by the text's number alone"
    measures = (
        Measure(name="perplexity", value=perplexity(losses.nll), protocol=f"e^nats, {where}"),
        Measure(name="accuracy", value=losses.accuracy, protocol=f"the likeliest token, {where}"),
    )
    return measured(run, split, texts, measures, average)


def measured(
    run: Run, split: Split, texts: int, measures: tuple[Measure, ...], average: int | None
) -> Measured:
    """With the headline that the spec names."""
    evaluation = run.package.spec.evaluation
    return Measured(
        split=split,
        texts=texts,
        headline=evaluation.metric or measures[0].name,
        measures=measures,
        text=run.text_digests(split),
        weights=run.used(average),
    )


def language_measures(
    losses: Losses, tokens: int, size: Size, vocabulary: int
) -> tuple[Measure, ...]:
    """From the nats of a text; the end of each line counts as a token, a word, a character."""
    nats = losses.nll * tokens
    words, characters = size.words + size.lines, size.characters + size.lines
    return (
        Measure(
            name="perplexity",
            value=perplexity(losses.nll),
            protocol=f"e^(nats / token), {tokens:,} tokens with {size.lines:,} ends, of a "
            f"vocabulary of {vocabulary:,}",
        ),
        Measure(
            name="word_perplexity",
            value=perplexity(nats / words),
            protocol=f"e^(nats / word), {words:,} words between spaces with {size.lines:,} ends",
        ),
        Measure(
            name="bits_per_character",
            value=nats / math.log(2) / characters,
            protocol=f"{characters:,} characters with {size.lines:,} ends",
        ),
        Measure(
            name="accuracy", value=losses.accuracy, protocol=f"the likeliest of {tokens:,} tokens"
        ),
    )


def size_of(spec: Spec, split: Split) -> Size:
    """Of the text as it is in the files."""
    lines = words = characters = 0
    for (line,) in read_part(spec, split):
        found = line.split()
        lines += bool(found)
        words += len(found)
        characters += len(line) if found else 0
    return Size(lines=lines, words=words, characters=characters)
