"""Measures how well a language model, masked or not, predicts a text."""

import numpy as np

from runtime.data.texts import SlidingWindows, Windows
from runtime.run import Run
from runtime.scoring.losses import losses_of, split_examples
from runtime.scoring.measures import Measure, Measured, Split, measured
from runtime.scoring.text_measures import (
    measures_of_lines,
    measures_of_running_text,
    size_of_lines,
    size_of_running_text,
)
from runtime.system.devices import own_device
from runtime.training.precision import Precision
from runtime.training.validation import perplexity


def measure_language_model(
    run: Run,
    split: Split,
    average: int | None = None,
    device: str | None = None,
    precision: Precision | None = None,
) -> Measured:
    """Perplexities a token and a word, and bits a character, which any tokens leave comparable.

    Running text is scored window by window, as `measure_running_text` does.
    """
    with split_examples(run, split) as examples:
        if isinstance(examples, Windows):
            return measure_running_text(run, split, examples, average, device, precision)
        tokens = examples.count_labels(np.arange(len(examples)))
        losses = losses_of(run, split, examples, average, device, precision)
    size = size_of_lines(run.package.spec, split)
    measures = measures_of_lines(losses, tokens, size, run.tokenizers()[0].size)
    return measured(run, split, size.texts, measures, average, own_device(device), precision)


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
    size = size_of_running_text(spec, split)
    measures = (*measures_of_running_text(losses, tokens, size, where), *side_by_side)
    return measured(run, split, size.texts, measures, average, own_device(device), precision)


def measure_masked_language_model(
    run: Run,
    split: Split,
    average: int | None = None,
    device: str | None = None,
    precision: Precision | None = None,
) -> Measured:
    """Perplexity and accuracy where tokens are masked."""
    with split_examples(run, split) as examples:
        tokens, texts = examples.count_labels(np.arange(len(examples))), len(examples)
        losses = losses_of(run, split, examples, average, device, precision)
    masking = run.package.spec.training.masking
    share = "" if masking is None else f", {masking.share:.0%} of each text"
    where = f"{tokens:,} tokens{share}, chosen by the text's number alone"
    measures = (
        Measure(name="perplexity", value=perplexity(losses.nll), protocol=f"e^nats, {where}"),
        Measure(name="accuracy", value=losses.accuracy, protocol=f"the likeliest token, {where}"),
    )
    return measured(run, split, texts, measures, average, own_device(device), precision)
