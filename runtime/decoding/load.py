"""From a run folder to a translator."""

import torch

from compiler.spec.training import Decoding
from runtime.decoding.translator import Translator
from runtime.run import Run
from runtime.training.workers import default_device


def load_translator(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    decoding: Decoding | None = None,
) -> Translator:
    """The trained network with the run's tokenizers; `decoding` takes the place of the spec's."""
    spec = run.package.spec
    if decoding is not None:
        spec = spec.model_copy(update={"decoding": decoding})
    model = run.load_model(average).to(torch.device(device) if device else default_device())
    return Translator(model, *run.tokenizers(), spec)
