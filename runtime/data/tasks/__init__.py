"""How the text of each task becomes examples: one small class a task."""

from compiler.spec.spec import Spec
from runtime.data.tasks.task import Task
from runtime.data.tasks.translation import Translation

__all__ = ["Task", "task_of"]

TASKS: dict[str, type[Translation]] = {"translation": Translation}


def task_of(spec: Spec) -> Task:
    """The task of a spec, which knows its text."""
    return TASKS[spec.task](spec)
