"""Generated package and data -> trained model -> translations and scores."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.decoding.translator import Translator

__all__ = ["load"]


def load(run: str | Path, *, average: int | None = None, device: str | None = None) -> "Translator":
    """The translator that a run folder holds: `load("runs/demo").translate(["A dog sleeps."])`.

    Its weights are the mean of the last `average` checkpoints, by default as many as the spec says.
    Raises a UserError for a folder that is no run, or has no checkpoint yet.
    """
    from runtime.decoding.load import load_translator  # torch is not loaded before it is needed
    from runtime.run import Run

    return load_translator(Run.open(Path(run)), average=average, device=device)
