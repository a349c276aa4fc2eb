"""Batches of sentence pairs as tensors, for tests that look at each of them."""

from dataclasses import dataclass

from torch import Tensor

from runtime.data.batches import Batch
from runtime.data.symbols import PADDING


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddedPairs:
    """[batch, source], [batch, target], [batch, target], padded on the right."""

    source: Tensor
    decoder_input: Tensor
    decoder_target: Tensor

    @property
    def batch(self) -> Batch:
        """As training takes it."""
        labels = self.decoder_target.flatten()
        places = labels.ne(PADDING).nonzero().squeeze(1)
        return Batch(
            inputs=(self.source.numpy(), self.decoder_input.numpy()),
            places=places.numpy(),
            labels=labels[places].numpy(),
        )
