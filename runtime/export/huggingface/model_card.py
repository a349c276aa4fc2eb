"""The page about a model that lies in its folder, as model hubs show it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from compiler.spec.lock import LOCK, lock_text
from compiler.spec.tasks import TASKS
from compiler.weights.config import AUTO
from runtime.checkpoints.choice import LAST
from runtime.errors import UserError
from runtime.export.source import Exportable
from runtime.export.template import fill
from runtime.export.tokenizers.files import mask_of
from runtime.run_record import IMPORTED, PUBLISHED, version_of

Form = Literal["native", "remote"]

PIPELINES = {
    "translation": "translation",
    "language_model": "text-generation",
    "masked_language_model": "fill-mask",
    "classification": "text-classification",
    "embedding": "feature-extraction",
}
"""The names of tasks on model hubs."""


def model_card(exportable: Exportable, *, form: Form, auto: str | None = None) -> str:
    """Return the text of README.md: the spec, its scores, how it was made, and how to load it.

    `form` is that of the export; `auto` is the class of transformers that loads it, by default that
    of its task.
    """
    spec, run = exportable.spec, exportable.run
    source, target = exportable.tokenizers
    is_shared = source is target
    return fill(
        "huggingface",
        "README.md.jinja",
        name=spec.name,
        summary=spec.summary or "",
        pipeline=PIPELINES[spec.task],
        task=spec.task,
        parameters=f"{exportable.parameters:,}",
        weights=str(exportable.weights),
        lock=spec_text(exportable).strip(),
        scores=list(scores_of(exportable)),
        form=form,
        version=run.versions.get("specformer", version_of("specformer")),
        is_trained=is_trained(exportable),
        commands=[*commands_of(exportable, form)],
        is_shared=is_shared,
        mask=mask_of(spec, source),
        snippet=snippet(spec.task, form=form, auto=auto, is_shared=is_shared),
    )


def spec_text(exportable: Exportable) -> str:
    """Return the complete spec; of texts and tokenizers by absolute paths the names alone."""
    spec = exportable.spec
    settings = spec.data.model_dump(exclude_none=True)
    named = _without_places(settings)
    if named == settings:
        return exportable.package.files[LOCK].decode("utf-8")
    data = type(spec.data).model_validate(named)
    return lock_text(spec.model_copy(update={"data": data}))


def _without_places(settings: Any) -> Any:
    """Return settings in which the last part of each absolute path stands for it."""
    match settings:
        case dict():
            return {key: _without_places(each) for key, each in settings.items()}
        case list() | tuple():
            return [_without_places(each) for each in settings]
        case str() if settings.startswith(("/", "~")) and Path(settings).name:
            return Path(settings).name
    return settings


def is_trained(exportable: Exportable) -> bool:
    """Return whether the weights were trained here, be it from those of an imported model."""
    is_imported = not exportable.run.begun.keys().isdisjoint((PUBLISHED, IMPORTED))
    return not is_imported or exportable.weights.updates[-1] > 0


def commands_of(exportable: Exportable, form: Form) -> Iterator[str]:
    """Yield the commands that have made a folder."""
    run, spec, weights = exportable.run, exportable.spec, exportable.weights
    name = run.folder.resolve().name
    if PUBLISHED in run.begun:
        yield f"specformer import {run.begun[PUBLISHED].get('folder', 'FOLDER')} --out {name}"
    elif IMPORTED in run.begun:
        files = " ".join(f"--from {each}" for each in run.begun[IMPORTED])
        yield f"specformer import-weights {spec.name}.yaml {files} --map MAP --out {name}"
    if is_trained(exportable):
        yield f"specformer train {spec.name}.yaml --out {name}"
    count, own = len(weights.updates), spec.evaluation
    chosen = "" if weights.checkpoint == own.checkpoint else f" --checkpoint {weights.checkpoint}"
    mean = f" --average {count}" if count != own.average_last and weights.checkpoint == LAST else ""
    yield f"specformer export {name} --to huggingface --as {form}{chosen}{mean}"


def scores_of(exportable: Exportable) -> Iterator[tuple[str, str, str, str]]:
    """Yield what was scored: the text, the score, its value, and how it was computed.

    Scores are those that `specformer evaluate` has written into the run. Raises a UserError for a
    file of them that is damaged.
    """
    for path in sorted(exportable.run.folder.glob("evaluation-*.json")):
        try:
            yield from _scores_in(json.loads(path.read_text("utf-8")), exportable.spec.task)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path} is damaged: it does not say what was scored",
                help="`specformer evaluate` writes it again; without it the export has no scores",
            ) from error


def _scores_in(found: Any, task: str) -> Iterator[tuple[str, str, str, str]]:
    if not isinstance(found, dict):
        raise TypeError("no object")
    for score in TASKS[task].scores:
        if score in found:
            signature = found.get(f"{score}_signature", "")
            checkpoint = f"update {', '.join(map(str, found.get('updates', ())))}"
            how = f"`{signature}`, {checkpoint}" if signature else checkpoint
            yield found["split"], score, f"{found[score]:.4g}", how


def snippet(task: str, *, form: Form, auto: str | None = None, is_shared: bool = True) -> str:
    """Return the program that loads a folder, reads lines and prints what the network makes."""
    return fill(
        "huggingface",
        "snippet.py.jinja",
        task=task,
        form=form,
        auto=auto or AUTO[task],
        is_shared=is_shared,
    ).rstrip("\n")
