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
from runtime.inference.batch_decoder import BatchDecoder, longest_read
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
        read = [] if source is None else [torch.tensor([[*source, END]])]
        logits = self._project(*read, torch.tensor([[BEGIN, *target]]))
        return logits[0].log_softmax(-1)

    @torch.inference_mode()
    def outputs(self, texts: Rows) -> list[Tensor]:
        """Return what a network without a decoder makes of each text, as `Exported` has it."""
        rows = (torch.tensor([[BEGIN, *row, END]]) for row in texts)
        if self.spec.model.pooling is not None:
            return [features_of(self.model)(row)[0] for row in rows]
        return [self._project(row)[0] for row in rows]

    def texts(self, lines: Sequence[str], decoding: BeamSearch) -> list[Answer]:
        """Return what the network writes for each line, by the product's own search."""
        spec = self.spec.model_copy(update={"decoding": decoding})
        source, target = self.tokenizers
        longest = longest_read(spec)
        rows = [each[:longest] for each in source.encode_lines(lines)]
        prefix: list[int] = []
        if decoding.prefix is not None:
            prefix = prefix_tokens(decoding.prefix, target, longest, "`decoding.prefix`")
        is_read = spec.model.encoder is not None
        begun = [prefix] * len(rows) if is_read else rows
        found = BatchDecoder(self.model, spec).decode(rows if is_read else None, prefixes=begun)
        return [
            Answer(text=target.decode([*given, *best.tokens]), tokens=best.tokens)
            for given, (best, *_) in zip(begun, found, strict=True)
        ]

    def _project(self, *read: Tensor) -> Tensor:
        features = features_of(self.model)(*read)
        return cast(Tensor, cast(Any, self.model).project(features))
