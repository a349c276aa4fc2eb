"""wide-decoder: written by specformer."""

from .model import Transformer
from .model import Transformer as Model

__all__ = ["Model", "Transformer"]
