"""Statistics of heads: how sharply they read, how far, and which neighbours."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.attention.attention import Attention, Layer
from runtime.attention.layers import CROSS
from runtime.data.symbols import END

FAR = 10
"""Tokens, beyond which a read counts as one over a long distance."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStatistics:
    """Means over all queries of some texts; shares are of a query's whole weight, 0 to 1."""

    kind: str
    layer: int
    head: int
    """From 1, as is the layer."""
    entropy: float
    """In bits: 0 where one key has all weight, log2 of the number of keys where all have the same.
    """
    distance: float | None
    """The mean of |query - key| in tokens; None between two texts, whose places do not compare."""
    far: float | None
    """The share that is read from more than `FAR` tokens away."""
    diagonal: float | None
    previous: float | None
    next: float | None
    first: float
    end: float | None
    """The share of the END symbol; None where the text that is read has none."""


def statistics(texts: Iterable[Attention]) -> list[HeadStatistics]:
    """Return the statistics of each head over texts of one network, in the order of its layers."""
    sums: dict[tuple[str, int], Array] = {}
    queries: dict[tuple[str, int], int] = {}
    for text in texts:
        for layer in text.layers:
            key = (layer.kind, layer.layer)
            sums[key] = sums.get(key, 0.0) + _sums(text, layer)
            queries[key] = queries.get(key, 0) + layer.weights.shape[1]
    return [
        each
        for (kind, layer), total in sums.items()
        for each in _rows(kind, layer, total / queries[kind, layer])
    ]


def _sums(text: Attention, layer: Layer) -> Array:
    """Return sums over the queries [quantity, head]; NaN where a quantity has no meaning."""
    weights = layer.weights.astype(np.float64)
    surprise = -np.log2(weights, out=np.zeros_like(weights), where=weights > 0)
    i, j = (np.arange(size) for size in weights.shape[1:])
    offset = j - i[:, None]
    parts = [weights * surprise]
    if layer.kind == CROSS:
        parts += [np.full_like(weights, np.nan)] * 5
    else:
        near = (np.abs(offset), np.abs(offset) > FAR, offset == 0, offset == -1, offset == 1)
        parts += [weights * each for each in near]
    parts.append(weights * (j == 0))
    ends = np.array(text.stream(layer.kind, "key").numbers) == END
    parts.append(weights * ends if ends.any() else np.full_like(weights, np.nan))
    return np.stack([each.sum(axis=(1, 2)) for each in parts])


def _rows(kind: str, layer: int, means: Array) -> Iterator[HeadStatistics]:
    for head, values in enumerate(means.T, start=1):
        entropy, distance, far, diagonal, previous, after, first, end = (
            None if np.isnan(each) else float(each) for each in values
        )
        assert entropy is not None
        assert first is not None
        yield HeadStatistics(
            kind=kind,
            layer=layer,
            head=head,
            entropy=entropy,
            distance=distance,
            far=far,
            diagonal=diagonal,
            previous=previous,
            next=after,
            first=first,
            end=end,
        )
