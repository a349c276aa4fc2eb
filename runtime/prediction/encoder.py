"""What prediction asks of a network."""

from typing import Protocol

from torch import Tensor


class EncoderModel(Protocol):
    """A generated network that reads a text whole."""

    def features(self, source: Tensor, /) -> Tensor:
        """source [batch, source] -> [batch, source, width], or of a classifier [batch, width]"""

    def project(self, features: Tensor, /) -> Tensor:
        """features [..., width] -> logits [..., vocabulary or classes]"""
