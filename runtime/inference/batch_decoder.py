"""From rows of tokens to the best hypotheses: batches of like length, shared by some processes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import nn

from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.data.tasks.task import longest_sentence
from runtime.inference.batch_size import MOST_TOKENS, gpu_sentences
from runtime.inference.beam_search import Hypothesis
from runtime.inference.ends import END_ALONE, Ends
from runtime.inference.engines.decoder import Rows
from runtime.inference.methods import method_of
from runtime.inference.network import IncrementalModel, located, read_all_but_last
from runtime.inference.stepper import is_asynchronous
from runtime.inference.worker_pool import in_processes
from runtime.training.precision import autocast_of

BATCH_TOKENS = 2048
BATCH_SENTENCES = 64
BATCH_HYPOTHESES = 1024
"""Rows of a step, at most, where a beam is so wide that fewer sentences must share them."""


class BatchDecoder:
    """A network that decodes as a spec's `decoding:` describes."""

    def __init__(
        self,
        model: nn.Module,
        spec: Spec,
        *,
        workers: int = 1,
        batch_sentences: int | None = None,
        ends: Ends = END_ALONE,
    ) -> None:
        """The network must be in evaluation mode; `ends` are the tokens that end a text.

        A batch has at most `batch_sentences`, by default BATCH_SENTENCES on a CPU, and on a GPU as
        many as its memory holds.
        With `workers` above 1 (on a CPU alone) the batches of a call are shared by as many
        one-thread processes, which live as long as the call.
        """
        self.model = cast(IncrementalModel, model)
        self.device = next(model.parameters()).device
        if workers > 1 and self.device.type != "cpu":
            raise ValueError(f"expected one worker on {self.device.type}, got {workers}")
        self.spec, self.workers, self.batch_sentences = spec, workers, batch_sentences
        self.method, self.ends = method_of(spec.decoding), ends

    def decode(
        self,
        sources: Rows | None,
        *,
        prefixes: Rows | None = None,
        n_best: int = 1,
        first_line: int = 1,
        advance: Callable[[int], None] | None = None,
    ) -> list[list[Hypothesis]]:
        """Rows of tokens without END -> for each its best hypotheses, at most `n_best`.

        A translation has a source, and an empty one gives the empty hypothesis; a language model
        has none, and its prompts are prefixes. Hypotheses do not include the prefix of a row.
        `advance` gets the number of rows just done. Raises a UserError that names the line, counted
        from `first_line`, for which the network's numbers overflow.
        """
        given: Rows = [()] * len(sources or ()) if prefixes is None else prefixes
        lengths = [1] * len(given) if sources is None else [len(source) for source in sources]
        results = [[Hypothesis(tokens=(), score=0.0)]] * len(given)
        with autocast_of(self.model):
            batches = list(self._batches(lengths, given))

        def search(batch: list[int]) -> list[list[Hypothesis]]:
            lines = [first_line + row for row in batch]
            with located(lines), autocast_of(self.model):
                own = None if sources is None else [sources[row] for row in batch]
                return self._search(own, [given[row] for row in batch], lines, n_best)

        found = in_processes(search, batches, min(self.workers, len(batches)))
        for batch, hypotheses in zip(batches, found, strict=True):
            for row, several in zip(batch, hypotheses, strict=True):
                results[row] = several
            if advance:
                advance(len(batch))
        return results

    def _batches(self, lengths: Sequence[int], prefixes: Rows) -> Iterator[list[int]]:
        """Yields the indices of rows of like length whose prefixes are equally long."""
        most, tokens = self._largest_batch(lengths, prefixes)
        yield from batches_of_equal_prefixes(lengths, prefixes, most, tokens)

    def _largest_batch(self, lengths: Sequence[int], prefixes: Rows) -> tuple[int, int]:
        """The most sentences and the most padded tokens of a batch."""
        hypotheses = self.method.hypotheses
        if self.batch_sentences is not None or not is_asynchronous(self.device) or not prefixes:
            own = self.batch_sentences or BATCH_SENTENCES
            return sentences_of_a_batch(hypotheses, own), BATCH_TOKENS
        source, given = max(lengths), max(map(len, prefixes))
        longest = (
            longest_translation(self.spec, source, given)
            if self.spec.model.encoder
            else longest_continuation(self.spec, given)
        )
        length, positions = given + longest + 1, self.spec.model.positions
        length = length if positions is None else min(length, positions)
        return gpu_sentences(self.model, self.device, source + 1, length, hypotheses), MOST_TOKENS

    @torch.inference_mode()
    def _search(
        self, sources: Rows | None, prefixes: Rows, lines: Sequence[int], n_best: int
    ) -> list[list[Hypothesis]]:
        """Decodes rows whose `prefixes` are equally long."""
        text = torch.tensor([[BEGIN, *prefix] for prefix in prefixes], device=self.device)
        length = len(prefixes[0])
        if sources is None:
            state = self.model.start(text)
            limits = [longest_continuation(self.spec, length)] * len(prefixes)
        else:
            whole = max(map(len, sources)) + 1
            read = padded([[*row, END] for row in sources], padded_length(self.spec, whole))
            state = self.model.start(read.to(self.device))
            limits = [longest_translation(self.spec, len(row), length) for row in sources]
        read_all_but_last(self.model, state, text)
        more: dict[str, Any] = {"ends": self.ends} if self.ends.others else {}
        if self.spec.decoding.draws:
            more["window"] = self.spec.model.positions
        return self.method.decode(
            self.model, state, text, limits, lines=lines, n_best=n_best, **more
        )


def longest_read(spec: Spec) -> int:
    """Returns the most tokens of a source or a prompt, beside which one symbol has its place."""
    return longest_sentence(spec) - 1


def padded_length(spec: Spec, longest: int) -> int:
    """Returns a multiple of 4 for sources of at most `longest` tokens, if the network takes it.

    Attention to other numbers of keys takes up to twice the time on a CPU.
    """
    length = longest + -longest % 4
    return length if spec.model.positions is None else min(length, spec.model.positions)


def longest_translation(spec: Spec, source: int, prefix: int = 0) -> int:
    """Returns the most tokens of the translation of `source` tokens (section 6.1), END not counted.

    A forced prefix is not counted either, but a table of positions needs rows for both.
    """
    limits = [source + spec.decoding.max_extra_length]
    if spec.decoding.max_length is not None:
        limits.append(spec.decoding.max_length)
    if (positions := spec.model.positions) is not None:
        limits.append(positions - 1 - prefix)
    return min(limits)


def longest_continuation(spec: Spec, prompt: int) -> int:
    """Returns the most tokens that may follow a prompt of so many, END not counted.

    A search ends with a table of positions; texts that are drawn go on from their newest tokens.
    """
    limits = [spec.decoding.max_extra_length]
    if spec.decoding.max_length is not None:
        limits.append(spec.decoding.max_length - prompt)
    if (positions := spec.model.positions) is not None and not spec.decoding.draws:
        limits.append(positions - 1 - prompt)
    return max(min(limits), 0)


def sentences_of_a_batch(hypotheses: int, most: int = BATCH_SENTENCES) -> int:
    """Returns the number of sentences that are decoded at once, at least one."""
    return max(min(most, BATCH_HYPOTHESES // hypotheses), 1)


def batches_of_equal_prefixes(
    lengths: Sequence[int], prefixes: Rows, batch_sentences: int, batch_tokens: int
) -> Iterator[list[int]]:
    """Yields indices of rows as `length_batches` does, of rows whose prefixes are equally long."""
    for equal in sorted({len(prefix) for prefix in prefixes}, reverse=True):
        pairs = zip(lengths, prefixes, strict=True)
        here = [length if len(prefix) == equal else 0 for length, prefix in pairs]
        yield from length_batches(here, batch_sentences, batch_tokens)


def length_batches(
    lengths: Sequence[int],
    batch_sentences: int = BATCH_SENTENCES,
    batch_tokens: int = BATCH_TOKENS,
) -> Iterator[list[int]]:
    """Yields indices of sentences of like length, the longest first; empty ones are left out.

    A batch has at most `batch_sentences` and, padded, `batch_tokens`, but one sentence at least.
    """
    by_length = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    start = 0
    while start < len(by_length):
        room = batch_tokens // (lengths[by_length[start]] + 1)
        stop = start + min(max(room, 1), batch_sentences)
        yield by_length[start:stop]
        start = stop


def padded(rows: Rows, length: int = 0) -> torch.Tensor:
    """Rows of tokens -> [row, the longest or `length`, which is more], PADDING on the right."""
    length = max(length, *map(len, rows))
    return torch.tensor([[*row, *[PADDING] * (length - len(row))] for row in rows])
