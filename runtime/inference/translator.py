"""From lines of text to their translations."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Self, overload

from torch import nn

from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END, PADDING, UNKNOWN
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import UserError
from runtime.inference.batch_decoder import longest_read
from runtime.inference.beam_search import Hypothesis
from runtime.inference.calls import (
    Attentive,
    Report,
    chosen_spec,
    description,
    report_cuts,
    texts_of,
)
from runtime.inference.engines.ctranslate2_network import CTranslate2Network
from runtime.inference.engines.decoders import decoder_of
from runtime.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """One translation of a line, its score (see `search`) and the number of its tokens.

    A forced prefix is part of the text, but counts neither in the score nor in the number.
    """

    text: str
    score: float
    tokens: int


Prefix = str | Sequence[str]
"""A text, which is cut into tokens, or the tokens themselves."""


class Translator(Attentive):
    """A network with its tokenizers, used as the spec's `decoding:` says."""

    def __init__(
        self,
        model: nn.Module | CTranslate2Network,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        spec: Spec,
        *,
        workers: int = 1,
    ) -> None:
        """The network must be in evaluation mode; `workers` processes share it, on a CPU.

        An export of it has workers of its own.
        """
        self.model, self.workers = model, workers
        self.decoder = decoder_of(model, spec, workers, target_tokenizer)
        self.source_tokenizer = source_tokenizer
        self.target_tokenizer = target_tokenizer
        self.spec = spec

    @classmethod
    def of_run(
        cls, run: Run, model: nn.Module | CTranslate2Network, spec: Spec, workers: int
    ) -> Self:
        """Makes a translator of a network and the tokenizers of its run."""
        return cls(model, *run.tokenizers(), spec, workers=workers)

    def __repr__(self) -> str:
        return description(self, self.model, self.spec)

    @overload
    def translate(
        self, lines: str, *, n_best: None = None, report: Report = None, **chosen: Any
    ) -> str: ...

    @overload
    def translate(
        self, lines: Iterable[str], *, n_best: None = None, report: Report = None, **chosen: Any
    ) -> list[str]: ...

    @overload
    def translate(
        self, lines: str | Iterable[str], *, n_best: int, report: Report = None, **chosen: Any
    ) -> list[Any]: ...

    def translate(
        self,
        lines: str | Iterable[str],
        *,
        n_best: int | None = None,
        report: Report = None,
        **chosen: Any,
    ) -> str | list[Any]:
        """The best translation of a line, or a list of the best ones of several lines.

        An empty line gives an empty one. With `n_best` each line gives a list of `Translation`,
        the best first.
        `chosen` are keys of `decoding:` for this call: `beam=8, length_penalty=1.0`, `prefix="Der"`
        and so on. `report` gets a warning for each line that is too long for the network and cut.
        Raises TypeError for other keywords, ValueError for values that a spec could not have.
        """
        translator = self._with(chosen_spec(self.spec, chosen)) if chosen else self
        found = translator.translate_n_best(
            texts_of(lines), 1 if n_best is None else n_best, report=report
        )
        results = [each if n_best is not None else each[0].text for each in found]
        return results[0] if isinstance(lines, str) else results

    def _with(self, spec: Spec) -> "Translator":
        return Translator(
            self.model,
            self.source_tokenizer,
            self.target_tokenizer,
            spec,
            workers=self.workers,
        )

    def translate_n_best(
        self,
        lines: Sequence[str],
        n_best: int,
        *,
        prefixes: Sequence[Prefix] | None = None,
        first_line: int = 1,
        report: Report = None,
        advance: Callable[[int], None] | None = None,
    ) -> list[list[Translation]]:
        """For each line at most `n_best` translations, the best first.

        Each begins with the prefix of its line, by default that of the spec. Warnings and errors
        count the lines from `first_line`; `advance` gets the number of lines just done.
        """
        sources = self._encode(lines, first_line, report)
        given = self._prefixes(prefixes, len(lines), first_line)
        found = self.decoder.decode(
            sources, prefixes=given, n_best=n_best, first_line=first_line, advance=advance
        )
        return [
            [self._decode(prefix, each) for each in several]
            for prefix, several in zip(given, found, strict=True)
        ]

    def _prefixes(
        self, prefixes: Sequence[Prefix] | None, lines: int, first_line: int
    ) -> list[list[int]]:
        """The tokens that each translation begins with."""
        tokenizer, longest = self.target_tokenizer, longest_read(self.spec)
        if prefixes is not None:
            places = (f"line {number}: the prefix" for number in count(first_line))
            pairs = zip(prefixes, places, strict=False)
            return [prefix_tokens(prefix, tokenizer, longest, place) for prefix, place in pairs]
        if (own := self.spec.decoding.prefix) is None:
            return [[]] * lines
        return [prefix_tokens(own, tokenizer, longest, "`decoding.prefix`")] * lines

    def _encode(self, lines: Sequence[str], first_line: int, report: Report) -> list[list[int]]:
        """The tokens of each line, cut where the network ends."""
        longest = longest_read(self.spec)
        sources = self.source_tokenizer.encode_lines(lines)
        report_cuts(sources, longest, first_line, report)
        return [tokens[:longest] for tokens in sources]

    def _decode(self, prefix: Sequence[int], hypothesis: Hypothesis) -> Translation:
        return Translation(
            text=self.target_tokenizer.decode([*prefix, *hypothesis.tokens]),
            score=hypothesis.score,
            tokens=len(hypothesis.tokens),
        )


def prefix_tokens(prefix: Prefix, tokenizer: Tokenizer, longest: int, place: str) -> list[int]:
    """The numbers of a prefix's tokens; of an empty text, none.

    Raises a UserError that begins with `place` for more than `longest` tokens, and for one that
    the vocabulary does not have, as no translation could begin with it.
    """
    if isinstance(prefix, str):
        tokens, words = tokenizer.encode(prefix), [prefix]
    else:
        tokens, words = [tokenizer.number(each) for each in prefix], list(prefix)
    if not {PADDING, UNKNOWN, BEGIN, END}.isdisjoint(tokens):
        raise UserError(
            f"{place} has a token that the target's vocabulary does not have: {' '.join(words)!r}",
            help="a text is cut into tokens as the training text was; tokens of a list are written "
            "as the vocabulary has them, for example `▁The`",
        )
    if len(tokens) > longest:
        raise UserError(
            f"{place} has {len(tokens):,} tokens, more than the {longest:,} of training",
            help="shorten it",
        )
    return tokens
