"""The protocol of decoders of rows of tokens, for translators and generators."""

from collections.abc import Callable, Sequence
from typing import Protocol

from runtime.inference.beam_search import Hypothesis

Rows = Sequence[Sequence[int]]


class Decoder(Protocol):
    """A network that decodes as a spec's `decoding:` describes."""

    def decode(
        self,
        sources: Rows | None,
        *,
        prefixes: Rows | None = None,
        n_best: int = 1,
        first_line: int = 1,
        advance: Callable[[int], None] | None = None,
    ) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each row, as `BatchDecoder` does."""
