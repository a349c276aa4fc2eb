"""All files of a generated package."""

from compiler.emit.lock import lock_text
from compiler.emit.model import model_text
from compiler.emit.templates import fill
from compiler.ir.block import Block
from compiler.passes.measure import count_parameters
from compiler.spec.spec import Spec


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
    training = spec.training
    return fill(
        "training.py.jinja",
        name=spec.name,
        smoothing=training.label_smoothing,
        peak=training.schedule.peak,
        start=training.schedule.start,
        warmup_steps=training.schedule.warmup_steps,
        betas=training.optimizer.betas,
        eps=training.optimizer.eps,
    )


def _tests(spec: Spec, model: Block) -> str:
    shared = spec.model.vocabulary.shared
    sides = ("VOCABULARY", "VOCABULARY") if shared else ("SOURCE_VOCABULARY", "TARGET_VOCABULARY")
    return fill(
        "test_model.py.jinja",
        name=spec.name,
        vocabularies=", ".join(dict.fromkeys(sides)),
        source_vocabulary=sides[0],
        target_vocabulary=sides[1],
        target_embedding="embedding" if spec.model.embedding.tied == "all" else "target_embedding",
        parameters=count_parameters(model),
    )
