"""All files of a generated package."""

from compiler.emit.fill import fill
from compiler.emit.layout import docstring
from compiler.emit.lock import lock_text
from compiler.emit.model import model_text
from compiler.ir.block import Block
from compiler.passes.measure import count_parameters
from compiler.spec.complete import paper_peak
from compiler.spec.model import LearnedPosition
from compiler.spec.spec import Spec
from compiler.spec.training import Linear

LONGEST_TESTED = 13


def package_files(spec: Spec, model: Block) -> dict[str, str]:
    """File names with their text."""
    return {
        "__init__.py": fill("__init__.py.jinja", name=spec.name),
        "model.py": model_text(model, spec.name, spec.summary),
        "training.py": _training(spec),
        "spec.lock.yaml": lock_text(spec),
        "test_model.py": _tests(spec, model),
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


def _tests(spec: Spec, model: Block) -> str:
    shared = spec.model.vocabulary.shared
    sides = ("VOCABULARY", "VOCABULARY") if shared else ("SOURCE_VOCABULARY", "TARGET_VOCABULARY")
    position = spec.model.embedding.position
    longest = position.max_length if isinstance(position, LearnedPosition) else LONGEST_TESTED
    padding = min(4, longest // 4)
    return fill(
        "test_model.py.jinja",
        docstring=_head(f"{spec.name}: tests of the network, with torch and pytest alone."),
        vocabularies=", ".join(dict.fromkeys(sides)),
        source_vocabulary=sides[0],
        target_vocabulary=sides[1],
        target_embedding="embedding" if spec.model.embedding.tied == "all" else "target_embedding",
        parameters=count_parameters(model),
        source_length=min(7, longest - padding),
        target_length=min(9, longest - padding),
        padding=padding,
    )


def _head(sentence: str) -> str:
    return "\n".join(docstring([f"{sentence} Written by specformer."], 0))
