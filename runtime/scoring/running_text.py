"""Measures how well a language model predicts running text, each of whose tokens counts once."""

import math
from dataclasses import dataclass

import numpy as np

from compiler.spec.data import RunningText
from runtime.data.files import find_files
from runtime.data.running import SEPARATORS, read_running
from runtime.data.texts import SlidingWindows, Windows
from runtime.run import Run
from runtime.scoring.likelihood import losses_of, measured
from runtime.scoring.measures import Measure, Measured, Split
from runtime.system.devices import own_device
from runtime.training.precision import Precision, inference_precision
from runtime.training.validation import Losses, perplexity


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSize:
    """The size of a running text, with the line breaks that stand between its documents."""

    documents: int
    words: int
    characters: int
    bytes: int


def measure_running_text(
    run: Run,
    split: Split,
    windows: Windows,
    average: int | None,
    device: str | None,
    precision: Precision | None,
) -> Measured:
    """Return perplexity, and nats or bits a token, a byte, a character and a word.

    By `evaluation.stride` windows overlap; the nats of windows side by side are then stated, too.
    """
    spec = run.package.spec
    stride = spec.evaluation.stride
    side_by_side: tuple[Measure, ...] = ()
    losses = losses_of(run, split, windows, average, device, precision)
    where = f"windows of {windows.longest:,} tokens side by side"
    if stride is not None:
        side_by_side = (Measure(name="side_by_side_nats", value=losses.nll, protocol=where),)
        sliding = SlidingWindows(windows=windows, stride=stride)
        losses = losses_of(run, split, sliding, average, device, precision)
        where = f"windows of {windows.longest:,} tokens, {stride:,} from one to the next"
    tokens = windows.count_labels(np.arange(len(windows)))
    size = size_of_running_text(run, split)
    chosen = inference_precision(precision, spec.training.precision, own_device(device))
    measures = (*running_measures(losses, tokens, size, where), *side_by_side)
    return measured(run, split, size.documents, measures, average, chosen)


def running_measures(
    losses: Losses, tokens: int, size: RunningSize, where: str
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


def size_of_running_text(run: Run, split: Split) -> RunningSize:
    """Count a running text as it is in the files, without blank lines that separate nothing."""
    data = run.package.spec.data
    corpus = data.corpora[split]
    assert isinstance(corpus, RunningText)
    documents = words = characters = octets = 0
    for line in read_running(corpus, find_files(corpus.text, data.folder)):
        documents += line.begins
        words += len(line.text.split())
        characters += len(line.text)
        octets += len(line.text.encode())
    separators = max(documents - 1, 0) * len(SEPARATORS[corpus.separator])
    return RunningSize(
        documents=documents,
        words=words,
        characters=characters + separators,
        bytes=octets + separators,
    )
