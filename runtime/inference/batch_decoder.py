"""From rows of tokens to the best hypotheses: batches of like length, shared by some processes."""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import nn

from compiler.spec.spec import Spec
from runtime.data.symbols import END, PADDING
from runtime.inference.beam_search import Hypothesis, beam_search
from runtime.inference.lengths import longest_translation
from runtime.inference.network import TranslationModel, located
from runtime.inference.worker_pool import in_processes

BATCH_TOKENS = 2048
BATCH_SENTENCES = 64
BATCH_HYPOTHESES = 1024
"""Rows of a step, at most, where a beam is so wide that fewer sentences must share them."""

Sources = Sequence[Sequence[int]]


class BatchDecoder:
    """A network and the search that a spec's `decoding:` describes."""

    def __init__(
        self,
        model: nn.Module,
        spec: Spec,
        *,
        workers: int = 1,
        batch_sentences: int = BATCH_SENTENCES,
    ) -> None:
        """The network must be in evaluation mode.

        With `workers` above 1 (on a CPU alone) the batches of a call are shared by as many
        one-thread processes, which live as long as the call.
        """
        self.model = cast(TranslationModel, model)
        self.device = next(model.parameters()).device
        if workers > 1 and self.device.type != "cpu":
            raise ValueError(f"expected one worker on {self.device.type}, got {workers}")
        self.spec, self.workers, self.batch_sentences = spec, workers, batch_sentences

    def decode(
        self,
        sources: Sources,
        *,
        prefixes: Sources | None = None,
        n_best: int = 1,
        first_line: int = 1,
        advance: Callable[[int], None] | None = None,
    ) -> list[list[Hypothesis]]:
        """Rows of tokens without END -> for each its best hypotheses, at most `n_best`.

        An empty row gives the empty hypothesis. Hypotheses do not include the prefix of a row.
        `advance` gets the number of rows just done. Raises a UserError that names the line, counted
        from `first_line`, for which the network's numbers overflow.
        """
        results = [[Hypothesis(tokens=(), score=0.0)]] * len(sources)
        given = [()] * len(sources) if prefixes is None else prefixes
        batches = list(self._batches(sources, given))

        def search(batch: list[int]) -> list[list[Hypothesis]]:
            with located([first_line + row for row in batch]):
                rows = [sources[row] for row in batch]
                return self._search(rows, [given[row] for row in batch], n_best)

        found = in_processes(search, batches, min(self.workers, len(batches)))
        for batch, hypotheses in zip(batches, found, strict=True):
            for row, several in zip(batch, hypotheses, strict=True):
                results[row] = several
            if advance:
                advance(len(batch))
        return results

    def _batches(self, sources: Sources, prefixes: Sources) -> Iterator[list[int]]:
        """Indices of sentences of like length whose prefixes are equally long."""
        most = sentences_of_a_batch(self.spec.decoding.beam, self.batch_sentences)
        for length in sorted({len(prefix) for prefix in prefixes}, reverse=True):
            lengths = [
                len(source) if len(prefix) == length else 0
                for source, prefix in zip(sources, prefixes, strict=True)
            ]
            yield from length_batches(lengths, most)

    def _search(self, sources: Sources, prefixes: Sources, n_best: int) -> list[list[Hypothesis]]:
        """Searches for rows whose `prefixes` are equally long."""
        prefix = torch.tensor(prefixes, dtype=torch.int64, device=self.device)
        limits = [longest_translation(self.spec, len(tokens), prefix.size(1)) for tokens in sources]
        source = padded([[*tokens, END] for tokens in sources]).to(self.device)
        return beam_search(
            self.model, source, limits, self.spec.decoding, n_best=n_best, prefix=prefix
        )


def sentences_of_a_batch(beam: int, most: int = BATCH_SENTENCES) -> int:
    """Returns the number of sentences that are searched at once, at least one."""
    return max(min(most, BATCH_HYPOTHESES // beam), 1)


def length_batches(
    lengths: Sequence[int], batch_sentences: int = BATCH_SENTENCES
) -> Iterator[list[int]]:
    """Indices of sentences of like length, the longest first; empty sentences are left out.

    A batch has at most `batch_sentences` and, padded, BATCH_TOKENS, but one sentence at least.
    """
    by_length = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    start = 0
    while start < len(by_length):
        room = BATCH_TOKENS // (lengths[by_length[start]] + 1)
        stop = start + min(max(room, 1), batch_sentences)
        yield by_length[start:stop]
        start = stop


def padded(rows: list[list[int]]) -> torch.Tensor:
    """Rows of tokens -> [row, longest], PADDING on the right."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PADDING] * (longest - len(row)) for row in rows])
