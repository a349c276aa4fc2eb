"""Words on what graphs say otherwise than the network that they are made of."""

from compiler.export.programs import TORCH
from runtime.export.source import Exportable


def otherwise(exportable: Exportable) -> tuple[str, ...]:
    """Return what graphs compute in another way, a line each."""
    verdicts = TORCH.verdicts(exportable.loaded).values()
    words = (each.words for each in verdicts if each.status == "said otherwise")
    return tuple(dict.fromkeys(words))
