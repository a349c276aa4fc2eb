"""Measures how well a language model, masked or not, predicts a text."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from compiler.spec.spec import Spec
from runtime.data.batches import Batched, Examples, in_order
from runtime.data.prepare import TOKENIZERS
from runtime.data.tasks import task_of
from runtime.data.tasks.texts import CutTexts, tokenised
from runtime.data.texts import Windows
from runtime.errors import DivergenceError
from runtime.inference.network import not_finite
from runtime.run import Run
from runtime.scoring.measures import Measure, Measured, Split
from runtime.system.devices import explained_memory_errors, own_device
from runtime.training.batching import padded_batcher
from runtime.training.objective import training_objective
from runtime.training.precision import Precision, inference_precision
from runtime.training.validation import Losses, perplexity, validate
from runtime.training.workers import Workers


@contextmanager
def split_examples(run: Run, split: Split) -> Iterator[Examples]:
    """Read from the files of the spec, tokenised as the run's text was."""
    task = task_of(run.package.spec)
    with TemporaryDirectory(prefix="specformer-") as folder:
        place = Path(folder, split)
        task.write(split, run.folder / TOKENIZERS, place)
        yield task.load(place)


def losses_of(
    run: Run,
    split: Split,
    examples: Examples,
    average: int | None,
    device: str | None,
    precision: Precision | None = None,
) -> Losses:
    """The losses of examples, as validation measures them.

    `precision` is that of matrix products, by default bfloat16 on a GPU that has it, unless the
    spec writes float32. Raises a UserError that names the first line for which the network's
    numbers overflow.
    """
    spec, module = run.package.spec, run.package.training_module
    there = own_device(device)
    model = run.load_model(average).to(there)
    chosen = inference_precision(precision, spec.training.precision, there)
    plain = {"compile": False, "precision": chosen, "batching": "padded"}
    objective = training_objective(model, module, spec.training.model_copy(update=plain), there)
    batcher = padded_batcher(there, examples, spec.training.micro_batch_tokens)
    batches = in_order(examples, batcher)
    try:
        with explained_memory_errors("`--device cpu` has the machine's memory"):
            return validate(
                model, objective, Batched(examples=examples, batcher=batcher), batches, Workers()
            )
    except DivergenceError:
        model.eval()
        row = next(
            row
            for row in range(len(examples))
            if not objective.evaluate(examples.collate(np.array([row]))).isfinite().all()
        )
        is_line = examples.unit != Windows.unit
        place = line_of(run, split, row) if is_line else f"{split} set, window {row + 1}"
        raise not_finite(place) from None


def line_of(run: Run, split: Split, row: int) -> str:
    """The line of a split that an example is cut from; empty lines have no example."""
    task = task_of(run.package.spec)
    assert isinstance(task, CutTexts)
    pieces = -1
    texts = chain.from_iterable(tokenised(task, split, run.folder / TOKENIZERS))
    for number, (_, tokens) in enumerate(texts, start=1):
        pieces += len(task.cut(tokens)) if tokens else 0
        if pieces >= row:
            return f"{split} set, line {number}"
    raise ValueError(f"expected an example of the {split} set, got the one {row + 1} beyond it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a text without its empty lines."""

    lines: int
    words: int
    characters: int


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
    from runtime.scoring.running_text import measure_running_text

    with split_examples(run, split) as examples:
        if isinstance(examples, Windows):
            return measure_running_text(run, split, examples, average, device, precision)
        tokens = examples.count_labels(np.arange(len(examples)))
        losses = losses_of(run, split, examples, average, device, precision)
    size = size_of(run.package.spec, split)
    written = run.package.spec.training.precision
    measures = language_measures(losses, tokens, size, run.tokenizers()[0].size)
    chosen = inference_precision(precision, written, own_device(device))
    return measured(run, split, size.lines, measures, average, chosen)


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
    written = run.package.spec.training.precision
    share = "" if masking is None else f", {masking.share:.0%} of each text"
    where = f"{tokens:,} tokens{share}, chosen by the text's number alone"
    measures = (
        Measure(name="perplexity", value=perplexity(losses.nll), protocol=f"e^nats, {where}"),
        Measure(name="accuracy", value=losses.accuracy, protocol=f"the likeliest token, {where}"),
    )
    chosen = inference_precision(precision, written, own_device(device))
    return measured(run, split, texts, measures, average, chosen)


def measured(
    run: Run,
    split: Split,
    texts: int,
    measures: tuple[Measure, ...],
    average: int | None,
    precision: Precision,
) -> Measured:
    """Returns measures with the headline that the spec names."""
    evaluation = run.package.spec.evaluation
    return Measured(
        split=split,
        texts=texts,
        headline=evaluation.metric or measures[0].name,
        measures=measures,
        text=run.text_digests(split),
        weights=run.used(average),
        precision=precision,
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
    """Counts the text as it is in the files."""
    lines = words = characters = 0
    for (line,) in task_of(spec).rows(split):
        found = line.split()
        lines += bool(found)
        words += len(found)
        characters += len(line) if found else 0
    return Size(lines=lines, words=words, characters=characters)
