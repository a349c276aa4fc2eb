"""The texts of tasks, which become examples: one small class for each task."""

from compiler.spec.spec import Spec
from runtime.data.tasks.classification import Classification
from runtime.data.tasks.embedding import Embedding
from runtime.data.tasks.language_models import LanguageModel, MaskedLanguageModel
from runtime.data.tasks.task import Task
from runtime.data.tasks.translation import Translation

__all__ = ["Task", "task_of"]

TASKS: dict[str, type[Task]] = {
    "translation": Translation,
    "language_model": LanguageModel,
    "masked_language_model": MaskedLanguageModel,
    "classification": Classification,
    "embedding": Embedding,
}


def task_of(spec: Spec) -> Task:
    """Returns the task of a spec, which knows its text."""
    return TASKS[spec.task](spec)
