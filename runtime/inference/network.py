"""The functions that inference calls on a network, and the check that its outputs are finite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from compiler.spec.spec import Spec
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.errors import DivergenceError, beyond_table
from runtime.inference.calls import Attentive, description
from runtime.package import features_of
from runtime.system.devices import explained_memory_errors


class DecodingState(Protocol):
    """The state of a network between two steps, for the sentences of a batch."""

    def keep(self, sentences: Tensor) -> None:
        """Drops all sentences of the batch but these indices."""


class IncrementalModel(Protocol):
    """A generated network that can be asked for one target position at a time.

    Packages of newer versions also have `prefill`, which reads several positions at once.
    """

    training: bool

    def start(self, read: Tensor, /) -> DecodingState:
        """Returns the state before the first step: one empty hypothesis a row.

        A translation model reads sources [batch, source]; of the texts [batch, target] that a
        language model is given only the batch counts.
        """

    def step(self, token: Tensor, parent: Tensor, state: DecodingState, /) -> Tensor:
        """token, parent [batch, beam] -> features [batch, beam, width]

        They are the newest token of each hypothesis, and the hypothesis of the step before that it
        continues. The state advances by this token.
        """

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary]"""


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


class EncoderModel(Protocol):
    """A generated network that reads a text whole."""

    def features(self, source: Tensor, /) -> Tensor:
        """source [batch, source] -> [batch, source, width], or of a whole text [batch, width]"""

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary or classes]"""


class EncoderPredictor(Attentive):
    """A network that reads a text whole, with its tokenizer: the base of classifier, embedder and
    filler."""

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, spec: Spec) -> None:
        """Use a network that is in evaluation mode."""
        self.model = cast(EncoderModel, model)
        self.features = features_of(model)
        self.device = next(model.parameters()).device
        self.tokenizer, self.spec = tokenizer, spec

    def __repr__(self) -> str:
        return description(self, cast(nn.Module, self.model), self.spec)


class NotFinite(Exception):
    """Raised where a score is not finite; `row` is that of a text within its batch."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def check_finite(is_finite: Tensor) -> None:
    """Raise NotFinite for the first text for which is_finite [batch, ...] is not all True."""
    if not is_finite.all():
        row = is_finite.flatten(1).all(1).logical_not().nonzero()[0, 0]
        raise NotFinite(int(row))


def check_logits(logits: Tensor) -> None:
    """Raise NotFinite for a row of logits [batch, choices] with a NaN or without a choice."""
    check_finite(logits.amax(-1, keepdim=True).isfinite())


LESS_MEMORY = "a smaller --beam or shorter lines need less; `--device cpu` has the machine's memory"
"""The advice of the message that a batch of texts does not fit into a GPU."""


@contextmanager
def located(lines: Sequence[int]) -> Iterator[None]:
    """Turns NotFinite, and a position that no table has, into an error that names the line.

    Of a batch of several texts, the latter names the first and the last line. A GPU without room
    for them is explained, too.
    """
    try:
        with explained_memory_errors(LESS_MEMORY):
            yield
    except NotFinite as error:
        raise not_finite(f"line {lines[error.row]}") from None
    except ValueError as error:
        first, last = min(lines), max(lines)
        place = f"line {first}: " if first == last else f"one of lines {first} to {last}: "
        if found := beyond_table(error, place):
            raise found from None
        raise


def not_finite(place: str) -> DivergenceError:
    """The error for a text at this place."""
    return DivergenceError(
        f"{place}: the network's output is not finite: its weights are too large, or damaged",
        help="take an earlier checkpoint (--checkpoint UPDATE); import weights again that were "
        "imported; or train with a lower training.schedule.peak or with training.clip_norm",
    )
