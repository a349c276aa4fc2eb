"""How the text of each task becomes examples: one small class a task."""

from collections.abc import Callable

from compiler.spec.spec import Spec
from runtime.data.tasks.classification import Classification
from runtime.data.tasks.language_model import LanguageModel
from runtime.data.tasks.masked_language_model import MaskedLanguageModel
from runtime.data.tasks.task import Task
from runtime.data.tasks.translation import Translation

__all__ = ["Task", "task_of"]

TASKS: dict[str, Callable[[Spec], Task]] = {
    "translation": Translation,
    "language_model": LanguageModel,
    "masked_language_model": MaskedLanguageModel,
    "classification": Classification,
}


def task_of(spec: Spec) -> Task:
    """The task of a spec, which knows its text."""
    return TASKS[spec.task](spec)
