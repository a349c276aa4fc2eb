"""The run's own network, asked as an exported one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from compiler.spec.decoding import BeamSearch
from compiler.spec.spec import Spec
from runtime.data.symbols import BEGIN, END
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.export.exporter import Answer, Rows
from runtime.export.source import Exportable
from runtime.inference.batch_decoder import longest_read
from runtime.inference.beam_search import Hypothesis
from runtime.inference.engines.decoders import decoder_of
from runtime.inference.generator import continued
from runtime.inference.translator import prefix_tokens
from runtime.package import features_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNetwork:
    """A generated network in evaluation mode, which computes one text at a time."""

    model: nn.Module
    spec: Spec
    tokenizers: tuple[Tokenizer, Tokenizer]

    @classmethod
    def of(cls, exportable: Exportable) -> "OwnNetwork":
        """Return the network of what is exported."""
        own = exportable
        return cls(model=own.model(), spec=own.spec, tokenizers=own.tokenizers)

    @torch.inference_mode()
    def log_probabilities(self, sources: Rows | None, targets: Rows) -> list[Tensor]:
        """Return for each target the log-probabilities of its tokens and of END [tokens + 1]."""
        scores = (
            self.scores(sources[n] if sources else None, row) for n, row in enumerate(targets)
        )
        return [
            each.gather(1, torch.tensor([*row, END]).unsqueeze(1)).squeeze(1)
            for each, row in zip(scores, targets, strict=True)
        ]

    @torch.inference_mode()
    def scores(self, source: Sequence[int] | None, target: Sequence[int]) -> Tensor:
        """Return the log-probabilities [target + 1, vocabulary] after BEGIN and each token."""
        return self.logits(source, target).log_softmax(-1)

    @torch.inference_mode()
    def logits(self, source: Sequence[int] | None, target: Sequence[int]) -> Tensor:
        """Return the logits [target + 1, vocabulary] after BEGIN and each token."""
        read = [] if source is None else [torch.tensor([[*source, END]])]
        return self._project(*read, torch.tensor([[BEGIN, *target]]))[0]

    @torch.inference_mode()
    def outputs(self, texts: Rows) -> list[Tensor]:
        """Return what a network without a decoder makes of each text (see `ExportedEncoder`)."""
        rows = (torch.tensor([[BEGIN, *row, END]]) for row in texts)
        if self.spec.model.pooling is not None:
            return [features_of(self.model)(row)[0] for row in rows]
        return [self._project(row)[0] for row in rows]

    def texts(self, lines: Sequence[str], decoding: BeamSearch) -> list[Answer]:
        """Return what the network writes for each line, by the product's own search."""
        spec, target = self.with_decoding(decoding), self.tokenizers[1]
        sources, begun = self.given_tokens(lines, decoding)
        found = decoder_of(self.model, spec, 1, target).decode(sources, prefixes=begun)
        return answers(spec, target, lines, begun, found)

    def honoured(self, decoding: BeamSearch) -> BeamSearch:
        """Return the decoding itself: all its settings are known."""
        return decoding

    def with_decoding(self, decoding: BeamSearch) -> Spec:
        """Return the spec with another decoding."""
        return self.spec.model_copy(update={"decoding": decoding})

    def given_tokens(
        self, lines: Sequence[str], decoding: BeamSearch
    ) -> tuple[list[list[int]] | None, list[list[int]]]:
        """Return the tokens of lines as `given_tokens` does."""
        return given_tokens(self.with_decoding(decoding), self.tokenizers, lines)

    def _project(self, *read: Tensor) -> Tensor:
        features = features_of(self.model)(*read)
        return cast(Tensor, cast(Any, self.model).project(features))


def given_tokens(
    spec: Spec, tokenizers: tuple[Tokenizer, Tokenizer], lines: Sequence[str]
) -> tuple[list[list[int]] | None, list[list[int]]]:
    """Return the sources that lines are, and the tokens that the texts are given to begin with.

    They are cut where the network ends, as `translate` and `generate` do: a translation begins with
    `decoding.prefix`, and a language model, which has no sources, goes on from the last tokens of a
    long prompt.
    """
    source, target = tokenizers
    longest, rows = longest_read(spec), source.encode_lines(lines)
    if spec.model.encoder is None:
        return None, [each[max(len(each) - longest, 0) :] for each in rows]
    prefix = spec.decoding.prefix
    given = prefix_tokens(prefix, target, longest, "`decoding.prefix`") if prefix else []
    return [each[:longest] for each in rows], [given] * len(rows)


def answers(
    spec: Spec,
    tokenizer: Tokenizer,
    lines: Sequence[str],
    begun: Rows,
    found: Sequence[Sequence[Hypothesis]],
) -> list[Answer]:
    """Return the best text for each line, which begins with tokens that were given.

    Those of a language model are its prompt, the line, which stays as it is.
    """
    results = []
    for line, given, (best, *_) in zip(lines, begun, found, strict=True):
        text = tokenizer.decode([*given, *best.tokens])
        if spec.model.encoder is None:
            text = continued(line, tokenizer.decode(given), text)
        results.append(Answer(text=text, tokens=best.tokens))
    return results
