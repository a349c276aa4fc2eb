"""All files of a generated package."""

from compiler.emit.fill import fill
from compiler.emit.layout import docstring
from compiler.emit.lock import lock_text
from compiler.emit.model import model_text
from compiler.emit.tests import tests_text
from compiler.emit.weights import weights_text
from compiler.ir.block import Block
from compiler.spec.complete import paper_peak
from compiler.spec.spec import Spec
from compiler.spec.training import Linear


def package_files(spec: Spec, model: Block) -> dict[str, str]:
    """File names with their text."""
    return {
        "__init__.py": fill("__init__.py.jinja", name=spec.name),
        "model.py": model_text(model, spec.name, spec.summary),
        "training.py": _training(spec),
        "attention_weights.py": weights_text(model, spec.name),
        "spec.lock.yaml": lock_text(spec),
        "test_model.py": tests_text(spec, model),
    }


def _training(spec: Spec) -> str:
    training, schedule = spec.training, spec.training.schedule
    return fill(
        "training.py.jinja",
        docstring=_head(f"{spec.name}: the loss, the learning rate and the optimizer."),
        smoothing=training.label_smoothing,
        peak=_peak(spec),
        kind=schedule.kind,
        steps=training.steps,
        warmup_steps=schedule.warmup_steps,
        start=schedule.start,
        end=schedule.end if isinstance(schedule, Linear) else 0.0,
        betas=training.optimizer.betas,
        eps=training.optimizer.eps,
    )


def _peak(spec: Spec) -> str:
    """The paper's formula where the peak is the one that it gives (section 5.3, equation 3)."""
    schedule = spec.training.schedule
    if schedule.peak == paper_peak(spec.model.d_model, schedule.warmup_steps):
        return "D_MODEL**-0.5 * WARMUP_STEPS**-0.5"
    return repr(schedule.peak)


def _head(sentence: str) -> str:
    return "\n".join(docstring([f"{sentence} Written by specformer."], 0))
