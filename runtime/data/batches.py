"""Batches of about equally long sentence pairs, measured in tokens.

The size of a pair is its longer side, END included; a batch of n pairs takes n times the size of
its largest one, padding included.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from runtime.data.pairs import Indices, Pairs, Sentences
from runtime.data.symbols import BEGIN, PADDING
from runtime.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sentence pairs, padded on the right with PADDING; all int64."""

    source: Tensor
    """[batch, source]: tokens and END"""
    decoder_input: Tensor
    """[batch, target]: BEGIN and tokens"""
    decoder_target: Tensor
    """[batch, target]: tokens and END"""
    indices: Tensor
    """[batch]: the numbers of the pairs in their corpus"""

    @property
    def tokens(self) -> int:
        """Target tokens, without padding."""
        return int((self.decoder_target != PADDING).sum())

    def rows(self, rank: int, world: int) -> "Batch":
        """The share of process `rank` of `world`: every `world`-th pair."""
        return Batch(
            source=self.source[rank::world],
            decoder_input=self.decoder_input[rank::world],
            decoder_target=self.decoder_target[rank::world],
            indices=self.indices[rank::world],
        )


def batches(pairs: Pairs, *, tokens: int, seed: int, epoch: int) -> list[Indices]:
    """All pairs that fit, each once, in batches of at most `tokens` tokens, in random order.

    A function of its arguments alone: it uses only the raw draws of the generator, whose stream
    numpy never changes. Raises a UserError if no pair fits.
    """
    sizes = pairs.sizes
    if not (sizes <= tokens).any():
        raise UserError(
            f"no training pair fits into a batch of {tokens:,} tokens",
            help="set training.batch_tokens higher or training.accumulate lower",
        )
    generator = np.random.PCG64([seed, epoch])
    # Among pairs of one size those with sources of one length stay together: less padding.
    order = np.lexsort((_draws(generator, len(pairs)), pairs.source_lengths, sizes))
    order = order[: np.count_nonzero(sizes <= tokens)]
    cut = _cut(order, sizes[order], tokens)
    return [cut[number] for number in np.argsort(_draws(generator, len(cut)), kind="stable")]


def in_order(pairs: Pairs, tokens: int) -> list[Indices]:
    """All pairs in batches of at most `tokens` tokens, the shortest first; always the same.

    A pair larger than `tokens` is a batch of its own.
    """
    order = np.lexsort((pairs.source_lengths, pairs.sizes))
    return _cut(order, pairs.sizes[order], tokens)


def collate(pairs: Pairs, indices: Indices) -> Batch:
    """The batch of these pairs."""
    target = _pad(pairs.targets, indices)
    shifted = np.pad(target[:, :-1], ((0, 0), (1, 0)), constant_values=BEGIN)
    return Batch(
        source=torch.from_numpy(_pad(pairs.sources, indices)),
        decoder_input=torch.from_numpy(np.where(target == PADDING, PADDING, shifted)),
        decoder_target=torch.from_numpy(target),
        indices=torch.from_numpy(indices),
    )


def _draws(generator: np.random.PCG64, count: int) -> NDArray[np.uint64]:
    return np.asarray(generator.random_raw(count))


def _cut(order: Indices, sizes: Indices, tokens: int) -> list[Indices]:
    """Cuts pairs of rising size into the longest pieces of at most `tokens` tokens."""
    pieces = []
    start = 0
    while start < len(order):
        most = sizes[start : start + max(tokens // int(sizes[start]), 1)]
        fitting = np.count_nonzero(most * np.arange(1, len(most) + 1) <= tokens)
        stop = start + max(int(fitting), 1)
        pieces.append(order[start:stop])
        start = stop
    return pieces


def _pad(sentences: Sentences, indices: Indices) -> Indices:
    """These sentences as the rows of a matrix [sentences, longest], padded on the right."""
    lengths = sentences.lengths[indices]
    starts = sentences.ends[indices] - lengths
    column = np.arange(lengths.max())
    inside = column < lengths[:, None]
    padded = np.full(inside.shape, PADDING, dtype=np.int64)
    padded[inside] = sentences.tokens[(starts[:, None] + column)[inside]]
    return padded
