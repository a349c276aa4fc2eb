"""From a run folder to what answers for its task: translator, generator, classifier and so on."""

from typing import Any, Protocol, Self, TypeVar

from torch import nn

from compiler.spec.decoding import Decoding
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from runtime.errors import UserError
from runtime.inference.classifier import Classifier
from runtime.inference.direct_calls import call_directly
from runtime.inference.embedder import Embedder
from runtime.inference.filler import Filler
from runtime.inference.generator import Generator
from runtime.inference.packed_linear import quantized, use_column_major
from runtime.inference.translator import Translator
from runtime.run import Run
from runtime.system.attention_kernels import choose_attention_kernels
from runtime.system.devices import own_device
from runtime.training.precision import Precision, compute_in, inference_precision

Predictor = Translator | Generator | Classifier | Filler | Embedder


class Loadable(Protocol):
    """A class whose objects are made of a run."""

    @classmethod
    def of_run(cls, run: Run, model: Any, spec: Spec, workers: int) -> Self:
        """Makes an object of a run, its network and its spec."""


AnyPredictor = TypeVar("AnyPredictor", bound=Loadable)

PREDICTORS: dict[str, type[Predictor]] = {
    "translate": Translator,
    "generate": Generator,
    "fill": Filler,
    "classify": Classifier,
    "embed": Embedder,
}
"""The classes that answer the commands of tasks."""


def load_predictor(
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    int8: bool = False,
    workers: int = 1,
    precision: Precision | None = None,
) -> Predictor:
    """Loads what the task of a run asks for; the options are those of `load_as`."""
    kind = PREDICTORS[TASKS[run.package.spec.task].command]
    return load_as(
        kind, run, average=average, device=device, int8=int8, workers=workers, precision=precision
    )


def load_as(
    kind: type[AnyPredictor],
    run: Run,
    *,
    average: int | None = None,
    device: str | None = None,
    decoding: Decoding | None = None,
    int8: bool = False,
    workers: int = 1,
    precision: Precision | None = None,
) -> AnyPredictor:
    """Loads the trained network with the run's tokenizers; `decoding` replaces that of the spec.

    `int8` rounds linear maps to 8 bits, and `workers` processes share the work. Raises a UserError
    for either on a GPU. `precision` is that of matrix products, by default bfloat16 on a GPU that
    has it, unless the spec writes float32. Raises a UserError for bfloat16 beside `int8`.
    """
    if int8 and precision == "bfloat16":
        raise UserError("--int8 rounds more than --precision bfloat16", help="give one of them")
    place = own_device(device)
    if place.type != "cpu" and (int8 or workers > 1):
        setting = "--int8" if int8 else "--workers"
        raise UserError(f"{setting} is for a CPU, and this is {place}", help="add --device cpu")
    choose_attention_kernels(place)
    model, spec = fastest(run.load_model(average).to(place), int8=int8), run.package.spec
    compute_in(model, inference_precision(precision, spec.training.precision, place))
    if decoding is not None:
        spec = spec.model_copy(update={"decoding": decoding})
    return kind.of_run(run, model, spec, workers)


def fastest(model: nn.Module, *, int8: bool) -> nn.Module:
    """Returns a network in the form in which its device decodes it soonest."""
    if int8:
        model = quantized(model)
    elif next(model.parameters()).device.type == "cpu":
        use_column_major(model)
    call_directly(model)
    return model
