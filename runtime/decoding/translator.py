"""From lines of text to lines of text."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from compiler.spec.spec import Spec
from runtime.data.symbols import END, PADDING
from runtime.data.tokenizer import Tokenizer
from runtime.decoding.lengths import longest_source, longest_translation
from runtime.decoding.model import TranslationModel
from runtime.decoding.search import Hypothesis, beam_search

BATCH_TOKENS = 2048
BATCH_SENTENCES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """One translation of a line, its score (see `search`) and the number of its tokens."""

    text: str
    score: float
    tokens: int


class Translator:
    """A network with its tokenizers, used as the spec's `decoding:` says."""

    def __init__(
        self,
        model: nn.Module,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        spec: Spec,
    ) -> None:
        """The network must be in evaluation mode."""
        self.model = cast(TranslationModel, model)
        self.device = next(model.parameters()).device
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.spec = spec

    def translate(
        self, lines: Sequence[str], *, report: Callable[[str], None] | None = None
    ) -> list[str]:
        """The best translation of each line; of an empty line, an empty one.

        `report` gets a warning for each line that is too long for the network and cut.
        """
        return [best.text for best, *_ in self.translate_n_best(lines, 1, report=report)]

    def translate_n_best(
        self,
        lines: Sequence[str],
        n_best: int,
        *,
        first_line: int = 1,
        report: Callable[[str], None] | None = None,
        advance: Callable[[int], None] | None = None,
    ) -> list[list[Translation]]:
        """For each line at most `n_best` translations, the best first.

        Warnings count the lines from `first_line`; `advance` gets the number of lines just done.
        """
        sources = self._encode(lines, first_line, report)
        results = [[Translation(text="", score=0.0, tokens=0)]] * len(sources)
        for batch in length_batches([len(tokens) for tokens in sources]):
            hypotheses = self._search([sources[line] for line in batch], n_best)
            for line, several in zip(batch, hypotheses, strict=True):
                results[line] = [self._decode(each) for each in several]
            if advance:
                advance(len(batch))
        return results

    def _encode(
        self, lines: Sequence[str], first_line: int, report: Callable[[str], None] | None
    ) -> list[list[int]]:
        """The tokens of each line, cut where the network ends."""
        longest = longest_source(self.spec)
        sources = self.source_tokenizer.encode_lines(lines)
        for number, tokens in enumerate(sources, start=first_line):
            if len(tokens) > longest and report:
                report(f"line {number}: cut from {len(tokens):,} tokens to the first {longest:,}")
        return [tokens[:longest] for tokens in sources]

    def _search(self, sources: list[list[int]], n_best: int) -> list[list[Hypothesis]]:
        limits = [longest_translation(self.spec, len(tokens)) for tokens in sources]
        source = padded([[*tokens, END] for tokens in sources]).to(self.device)
        return beam_search(self.model, source, limits, self.spec.decoding, n_best=n_best)

    def _decode(self, hypothesis: Hypothesis) -> Translation:
        return Translation(
            text=self.target_tokenizer.decode(hypothesis.tokens),
            score=hypothesis.score,
            tokens=len(hypothesis.tokens),
        )


def length_batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of sentences of like length, the longest first; empty sentences are left out.

    A batch has at most BATCH_SENTENCES and, padded, BATCH_TOKENS, but one sentence at least.
    """
    by_length = sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i])
    start = 0
    while start < len(by_length):
        room = BATCH_TOKENS // (lengths[by_length[start]] + 1)
        stop = start + min(max(room, 1), BATCH_SENTENCES)
        yield by_length[start:stop]
        start = stop


def padded(rows: list[list[int]]) -> torch.Tensor:
    """Rows of tokens -> [row, longest], PADDING on the right."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PADDING] * (longest - len(row)) for row in rows])
