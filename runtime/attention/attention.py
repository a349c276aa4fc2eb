"""The attention weights of one text, as arrays whose axes have names."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.attention.layers import STREAMS
from runtime.attention.words import Stream

AXES = ("head", "query", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedArray:
    """An array and the names of its axes."""

    values: NDArray[np.float32]
    axes: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The length of each axis, by its name."""
        return dict(zip(self.axes, self.values.shape, strict=True))

    def __array__(
        self, dtype: np.dtype | None = None, copy: bool | None = None
    ) -> NDArray[np.float32]:
        return np.array(self.values, dtype=dtype, copy=copy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The heads of one attention of one layer."""

    kind: str
    layer: int
    """The number of the layer in its stack, from 1."""
    weights: NDArray[np.float32]
    """[head, query, key]; the sum over the keys is 1, or 0 where no key may be read."""
    allowed: NDArray[np.bool_]
    """[head, query, key], true where a head may read a key."""
    masks: tuple[str, ...]
    """The mask of each head, as a spec writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerWithoutWeights:
    """A recurrence or a convolution in the place of an attention."""

    kind: str
    layer: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """The weights of all heads for one text."""

    run: str
    """The folder of the run."""
    spec: str
    checkpoint: str
    """The checkpoints that the weights are of, in words."""
    task: str
    text: str
    streams: dict[str, Stream]
    """The `source` that an encoder reads and the `target` that a decoder reads."""
    layers: tuple[Layer, ...]
    without_weights: tuple[LayerWithoutWeights, ...]
    is_given: bool | None
    """True if the target was given, false if the network translated, None without a target."""
    notes: tuple[str, ...] = ()
    """Sentences about what the network does not read of the text, or does not know."""

    def stream(self, kind: str, axis: str) -> Stream:
        """Return the tokens along the axis `query` or `key` of a kind of attention."""
        query, key = STREAMS[kind]
        return self.streams[query if axis == "query" else key]

    def layer(self, kind: str, layer: int) -> Layer:
        """Return an attention, such as `("cross-attention", 2)`. Raises KeyError without one."""
        for each in self.layers:
            if (each.kind, each.layer) == (kind, layer):
                return each
        has = _listed(f"{each.kind} in layer {each.layer}" for each in self.layers)
        raise KeyError(f"there is no {kind!r} in layer {layer!r} of this network: it has {has}")

    def weights(self, kind: str) -> NamedArray:
        """Return the weights [layer, head, query, key] of all layers of a kind.

        Raises KeyError for a kind that the network does not have, and ValueError where its layers
        have different numbers of heads: then take `layer(kind, number).weights`.
        """
        found = [each.weights for each in self.layers if each.kind == kind]
        if not found:
            has = _listed(dict.fromkeys(each.kind for each in self.layers))
            raise KeyError(f"there is no {kind!r} in this network: it has {has}")
        if len({len(each) for each in found}) > 1:
            raise ValueError("the layers have different numbers of heads: take them one by one")
        return NamedArray(values=np.stack(found), axes=("layer", *AXES))

    def words(self, layer: Layer) -> NamedArray:
        """Return the weights [head, query, key] between words in the place of subwords.

        They are summed over the tokens of the word that is read, and averaged over those of the
        word that reads.
        """
        query, key = (self.stream(layer.kind, axis) for axis in ("query", "key"))
        values = query.means() @ layer.weights @ key.sums().T
        return NamedArray(values=values.astype(np.float32), axes=AXES)

    @property
    def about(self) -> str:
        """The checkpoint in words, and the origin of the target."""
        said = {
            True: "; the target was given",
            False: "; the target is the network's own translation",
            None: "",
        }
        return f"{self.spec}, {self.checkpoint}{said[self.is_given]}"

    def _repr_html_(self) -> str:
        """Return the page of this text for a notebook."""
        from runtime.attention.page import framed

        return framed([self])


def _listed(names: Iterable[str]) -> str:
    """Return what a network has in words, such as `a, b and c`."""
    *others, last = [*names] or ["no attention"]
    return f"{', '.join(others)} and {last}" if others else last
