"""From a run folder to what fits its task."""

from collections.abc import Callable

from runtime.data.prepare import TOKENIZERS
from runtime.data.tasks.classification import read_labels
from runtime.decoding.generator import Generator
from runtime.decoding.load import load_generator, load_network, load_translator
from runtime.decoding.translator import Translator
from runtime.errors import UserError
from runtime.prediction.classifier import Classifier
from runtime.prediction.filler import Filler
from runtime.run import Run

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
    """What the task of a run asks for."""
    load = LOADERS[run.package.spec.task]
    return load(run, average=average, device=device, int8=int8, workers=workers)
