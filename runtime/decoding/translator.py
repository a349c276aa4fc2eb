"""From lines of text to lines of text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from compiler.spec.spec import Spec
from runtime.data.tokenizer import Tokenizer
from runtime.decoding.decoder import Decoder
from runtime.decoding.lengths import longest_source
from runtime.decoding.search import Hypothesis


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
        *,
        workers: int = 1,
    ) -> None:
        """The network must be in evaluation mode; `workers` processes share it, on a CPU."""
        self.decoder = Decoder(model, spec, workers=workers)
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
        found = self.decoder.decode(sources, n_best=n_best, advance=advance)
        return [[self._decode(each) for each in several] for several in found]

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

    def _decode(self, hypothesis: Hypothesis) -> Translation:
        return Translation(
            text=self.target_tokenizer.decode(hypothesis.tokens),
            score=hypothesis.score,
            tokens=len(hypothesis.tokens),
        )
