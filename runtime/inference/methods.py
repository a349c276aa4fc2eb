"""The methods of decoding: one class for each kind of `decoding:`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor

from compiler.spec.decoding import Decoding
from runtime.inference.beam_search import BeamSearcher, Hypothesis
from runtime.inference.network import DecodingState, IncrementalModel
from runtime.inference.sampling import Sampler


class Method(Protocol):
    """A way to decode texts, made of the settings of its kind."""

    @property
    def hypotheses(self) -> int:
        """The rows of a step for each text."""

    def refuse(self, n_best: int) -> None:
        """Refuse to return more texts than the method finds."""

    def words(self) -> Iterator[str]:
        """Yields the settings in words."""

    def decode(
        self,
        model: IncrementalModel,
        state: DecodingState,
        text: Tensor,
        limits: Sequence[int],
        *,
        lines: Sequence[int],
        n_best: int = 1,
    ) -> list[list[Hypothesis]]:
        """Decodes from a state that has read all but the last token of each text [batch, length].

        Hypotheses begin after the text, and limits, the most tokens of each without END, count
        from there. `lines` are the lines of the texts. Returns for each text at most `n_best`
        hypotheses, the best first; what stands beside a text in a batch has no part in them.
        Raises NotFinite for the first row whose scores are not finite.
        Where the spec has `decoding.ends`, a method is given `ends`. One that draws also takes
        `window`, the number of learned positions, or None without a table of them: its limits do
        not end there.
        """


METHODS: dict[str, Callable[[Any], Method]] = {"beam": BeamSearcher, "sample": Sampler}


def method_of(decoding: Decoding) -> Method:
    """Returns the method that settings of `decoding:` describe."""
    return METHODS[decoding.kind](decoding)
