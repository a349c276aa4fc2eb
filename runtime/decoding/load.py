"""From a run folder to a translator."""

import torch

from compiler.spec.training import Decoding
from runtime.decoding.quantize import quantized
from runtime.decoding.translator import Translator
from runtime.errors import UserError
from runtime.run import Run
from runtime.training.workers import default_device


def load_translator(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    decoding: Decoding | None = None,
    int8: bool = False,
    workers: int = 1,
) -> Translator:
    """The trained network with the run's tokenizers; `decoding` takes the place of the spec's.

    `int8` rounds its linear maps to 8 bits, and `workers` processes share its work: both on a CPU
    alone. Raises a UserError on a GPU.
    """
    place = torch.device(device) if device else default_device()
    if place.type != "cpu" and (int8 or workers > 1):
        setting = "--int8" if int8 else "--workers"
        raise UserError(f"{setting} is for a CPU, and this is {place}", help="add --device cpu")
    spec = run.package.spec
    if decoding is not None:
        spec = spec.model_copy(update={"decoding": decoding})
    model = run.load_model(average).to(place)
    if int8:
        model = quantized(model)
    return Translator(model, *run.tokenizers(), spec, workers=workers)
