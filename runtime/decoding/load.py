"""From a run folder to what decodes: a translator, or a generator of text."""

import torch
from torch import nn

from compiler.spec.spec import Spec
from compiler.spec.training import Decoding
from runtime.decoding.columns import lay_out_by_columns
from runtime.decoding.generator import Generator
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

    `workers` processes share its work, on a CPU alone; `int8` as in `load_network`.
    """
    model = load_network(run, average=average, device=device, int8=int8, workers=workers)
    return Translator(model, *run.tokenizers(), _spec(run, decoding), workers=workers)


def load_generator(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    decoding: Decoding | None = None,
    int8: bool = False,
    workers: int = 1,
) -> Generator:
    """The same of a language model."""
    model = load_network(run, average=average, device=device, int8=int8, workers=workers)
    return Generator(model, run.tokenizers()[0], _spec(run, decoding), workers=workers)


def load_network(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
) -> nn.Module:
    """The trained network, as it decodes soonest; `int8` rounds its linear maps to 8 bits.

    Raises a UserError for this, or several processes, on a GPU.
    """
    place = torch.device(device) if device else default_device()
    if place.type != "cpu" and (int8 or workers > 1):
        setting = "--int8" if int8 else "--workers"
        raise UserError(f"{setting} is for a CPU, and this is {place}", help="add --device cpu")
    model = run.load_model(average).to(place)
    if int8:
        return quantized(model)
    if place.type == "cpu":
        lay_out_by_columns(model)
    return model


def _spec(run: Run, decoding: Decoding | None) -> Spec:
    spec = run.package.spec
    return spec if decoding is None else spec.model_copy(update={"decoding": decoding})
