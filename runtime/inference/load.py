"""From a run folder to what its task asks for: translator, generator, filler or classifier."""

from collections.abc import Callable

import torch
from torch import nn

from compiler.spec.spec import Spec
from compiler.spec.training import Decoding
from runtime.data.prepare import TOKENIZERS
from runtime.data.tasks.classification import read_labels
from runtime.errors import UserError
from runtime.inference.classifier import Classifier
from runtime.inference.filler import Filler
from runtime.inference.generator import Generator
from runtime.inference.packed_linear import lay_out_by_columns, quantized
from runtime.inference.translator import Translator
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
    """Loads a trained language model; the options are those of `load_translator`."""
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


Predictor = Translator | Generator | Classifier | Filler


def load_filler(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
) -> Filler:
    """The trained masked language model; the options are those of `load_network`."""
    _refuse_several(workers)
    model = load_network(run, average=average, device=device, int8=int8)
    return Filler(model, run.tokenizers()[0], run.package.spec)


def load_classifier(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
) -> Classifier:
    """The trained classifier; the options are those of `load_network`."""
    _refuse_several(workers)
    model = load_network(run, average=average, device=device, int8=int8)
    labels = read_labels(run.folder / TOKENIZERS)
    return Classifier(model, run.tokenizers()[0], labels, run.package.spec)


def _refuse_several(workers: int) -> None:
    """Raises a UserError for more than one process."""
    if workers > 1:
        raise UserError(
            f"{workers} workers share texts that are decoded, and nothing is decoded here",
            help="leave `workers` out",
        )


LOADERS: dict[str, Callable[..., Predictor]] = {
    "translation": load_translator,
    "language_model": load_generator,
    "masked_language_model": load_filler,
    "classification": load_classifier,
}


def load_predictor(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
) -> Predictor:
    """Loads what the task of a run asks for."""
    load = LOADERS[run.package.spec.task]
    return load(run, average=average, device=device, int8=int8, workers=workers)
