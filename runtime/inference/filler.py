"""From texts with gaps to the tokens that fit into them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, overload

import torch
from torch import Tensor, nn

from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END, MASK, NAMES_WITH_MASK
from runtime.data.tasks.task import longest_between_symbols
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.data.tokenizers.words import holds_spaces
from runtime.errors import UserError
from runtime.inference.batch_decoder import length_batches, padded
from runtime.inference.calls import refuse_several, texts_of
from runtime.inference.network import EncoderPredictor, check_logits, located
from runtime.run import Run
from runtime.training.precision import autocast_of

GAP = re.compile(r"\[MASK\]|_{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """A token for a gap, as the vocabulary writes it, and its probability."""

    text: str
    probability: float


Fillings = list[list[Filling]]
"""For each gap of a text, from left to right, the likeliest first."""


def encode_with_gaps(line: str, tokenizer: Tokenizer) -> list[int]:
    """Return the tokens of a line; a gap, `[MASK]` or `___`, is the symbol of a masked token.

    The space before a gap belongs to the masked token where tokens hold the space before them.
    """
    *befores, last = GAP.split(line)
    if holds_spaces(tokenizer.name, tokenizer.size):
        befores = [before.removesuffix(" ") for before in befores]
    first, *others = (*befores, last)
    tokens = tokenizer.encode(first)
    for other in others:
        tokens += [MASK, *tokenizer.encode_rest(other)]
    return tokens


class Filler(EncoderPredictor):
    """A masked language model with its tokenizer."""

    @classmethod
    def of_run(cls, run: Run, model: nn.Module, spec: Spec, workers: int) -> Self:
        """Makes a filler of a network and the tokenizer of its run."""
        refuse_several(workers)
        return cls(model, run.tokenizers()[0], spec)

    @overload
    def fill(  # type: ignore[overload-overlap]
        self, lines: str, n_best: int = 5, *, first_line: int = 1
    ) -> Fillings: ...

    @overload
    def fill(
        self, lines: Iterable[str], n_best: int = 5, *, first_line: int = 1
    ) -> list[Fillings]: ...

    def fill(
        self, lines: str | Iterable[str], n_best: int = 5, *, first_line: int = 1
    ) -> Fillings | list[Fillings]:
        """Fills a line, or each of several, with at most `n_best` tokens for each gap.

        A gap is `[MASK]` or `___`. Raises a UserError as `fill_lines` does.
        """
        found = self.fill_lines(texts_of(lines), n_best, first_line=first_line)
        return found[0] if isinstance(lines, str) else found

    @torch.inference_mode()
    def fill_lines(
        self, lines: Sequence[str], n_best: int = 5, *, first_line: int = 1
    ) -> list[Fillings]:
        """For each line at most `n_best` tokens for each of its gaps, `[MASK]` or `___`.

        A gap is one token; gaps of a line are filled without regard to each other. Raises a
        UserError that names the line, counted from `first_line`, without a gap or too long, or for
        which the network's numbers overflow.
        """
        rows = [self._encode(line, number) for number, line in enumerate(lines, start=first_line)]
        results: list[Fillings] = [[] for _ in rows]
        for batch in length_batches([len(row) for row in rows]):
            read = padded([rows[row] for row in batch]).to(self.device)
            places = read.eq(MASK).nonzero()
            rows_of_gaps = [batch[place] for place in places[:, 0].tolist()]
            with located([first_line + row for row in rows_of_gaps]):
                with autocast_of(self.model):
                    logits = self.model.project(self.features(read)[tuple(places.T)]).float()
                check_logits(logits)
            for row, several in zip(rows_of_gaps, self._best(logits, n_best), strict=True):
                results[row].append(several)
        return results

    def _encode(self, line: str, number: int) -> list[int]:
        if not GAP.search(line):
            raise UserError(
                f"line {number} has no gap", help="write [MASK] or ___ where a token is missing"
            )
        tokens = encode_with_gaps(line, self.tokenizer)
        longest = longest_between_symbols(self.spec)
        if len(tokens) > longest:
            raise UserError(
                f"line {number} has {len(tokens):,} tokens, more than the {longest:,} of training",
                help="cut it around its gap",
            )
        return [BEGIN, *tokens, END]

    def _best(self, logits: Tensor, n_best: int) -> Fillings:
        """logits [gaps, vocabulary] -> for each gap its tokens; no symbol is one."""
        logits[:, : len(NAMES_WITH_MASK)] = -torch.inf
        best = logits.softmax(dim=-1).topk(min(n_best, logits.size(1) - len(NAMES_WITH_MASK)))
        return [
            [
                Filling(text=self.tokenizer.name(token), probability=probability)
                for token, probability in zip(tokens, probabilities, strict=True)
            ]
            for tokens, probabilities in zip(
                best.indices.tolist(), best.values.tolist(), strict=True
            )
        ]
