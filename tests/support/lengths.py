"""Lengths of sentences as corpora have them, and pairs of such lengths without any tokens."""

import numpy as np

from runtime.data.pairs import Pairs
from runtime.data.sentences import Indices, Sentences


def short_captions(count: int = 29_000, seed: int = 1) -> Pairs:
    """Return pairs as long as those of Multi30k in subwords: 4 to 50 tokens, 15 on average."""
    return _pairs(count, median=14.0, spread=0.33, most=50, seed=seed)


def news(count: int = 200_000, seed: int = 1) -> Pairs:
    """Return pairs as long as those of WMT 2014 in subwords: up to 251 tokens, 32 on average."""
    return _pairs(count, median=26.0, spread=0.62, most=250, seed=seed)


def _pairs(count: int, *, median: float, spread: float, most: int, seed: int) -> Pairs:
    draw = np.random.default_rng(seed)
    source = draw.lognormal(np.log(median), spread, count).round().clip(2, most)
    target = (source * draw.normal(1.03, 0.18, count)).round().clip(2, most)
    return Pairs(sources=_sentences(source), targets=_sentences(target))


def _sentences(lengths: np.ndarray) -> Sentences:
    """Return sentences of so many tokens and END, each token a number below 100."""
    ends: Indices = np.cumsum(lengths.astype(np.int64) + 1)
    tokens = (np.arange(ends[-1]) % 96 + 4).astype(np.int32)
    return Sentences.of(tokens, ends)
