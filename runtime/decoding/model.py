"""What decoding asks of a network."""

from typing import Protocol

import torch
from torch import Tensor


class DecodingState(Protocol):
    """What a network keeps from step to step, for the sentences of a batch."""

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these indices."""


class IncrementalModel(Protocol):
    """A generated network that can be asked for one target position at a time.

    Packages of newer versions also have `prefill`, which reads several positions at once.
    """

    training: bool

    def step(self, token: Tensor, parent: Tensor, state: DecodingState, /) -> Tensor:
        """token, parent [batch, beam]: the newest token of each hypothesis, and the hypothesis of

        the step before that it continues -> features [batch, beam, width]; moves the state on.
        """

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary]"""


class TranslationModel(IncrementalModel, Protocol):
    """One that reads a source before its first step."""

    def start(self, source: Tensor, /) -> DecodingState:
        """source [batch, source] -> the state before the first step: one empty hypothesis each."""


class LanguageModel(IncrementalModel, Protocol):
    """One that reads nothing but what it says."""

    def start(self, target: Tensor, /) -> DecodingState:
        """target [batch, target], of which only the batch counts -> the state of empty texts."""


def read_all_but_last(model: IncrementalModel, state: DecodingState, text: Tensor) -> None:
    """Reads text [batch, length] up to its last token, one hypothesis a sentence, into a new state.

    Packages of older versions, which have no `prefill`, read it token by token.
    """
    *before, last = torch.split(text, 1, dim=1)
    prefill = getattr(model, "prefill", None)
    if prefill is not None and before:
        prefill(text[:, :-1], state)
        return
    for token in before:
        model.step(token, torch.zeros_like(last), state)
