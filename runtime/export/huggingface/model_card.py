"""The page about a model that lies in its folder, as model hubs show it."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from compiler.spec.lock import LOCK
from compiler.spec.tasks import TASKS
from runtime.export.huggingface.template import fill
from runtime.export.source import Exportable
from runtime.run_record import version_of

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
    return fill(
        "README.md.jinja",
        name=spec.name,
        summary=spec.summary or "",
        pipeline=PIPELINES[spec.task],
        task=spec.task,
        parameters=f"{exportable.parameters:,}",
        weights=str(exportable.weights),
        lock=exportable.package.files[LOCK].decode("utf-8").strip(),
        scores=list(scores_of(exportable)),
        run=run.folder.resolve().name,
        form=form,
        version=version_of("specformer"),
        has_two_vocabularies=exportable.tokenizers[0] is not exportable.tokenizers[1],
        snippet=snippet(spec.task, form=form, auto=auto, is_shared=_is_shared(exportable)),
    )


def _is_shared(exportable: Exportable) -> bool:
    source, target = exportable.tokenizers
    return source is target


def scores_of(exportable: Exportable) -> Iterator[tuple[str, str, str, str]]:
    """Yield what was scored: the text, the score, its value, and how it was computed.

    Scores are those that `specformer evaluate` has written into the run.
    """
    for path in sorted(exportable.run.folder.glob("evaluation-*.json")):
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        for score in TASKS[exportable.spec.task].scores:
            if score in found:
                signature = found.get(f"{score}_signature", "")
                checkpoint = f"update {', '.join(map(str, found.get('updates', ())))}"
                how = f"`{signature}`, {checkpoint}" if signature else checkpoint
                value = found[score]
                yield found["split"], score, f"{value:.4g}", how


def snippet(task: str, *, form: Form, auto: str | None = None, is_shared: bool = True) -> str:
    """Return the program that loads a folder, reads lines and prints what the network makes."""
    return fill(
        "snippet.py.jinja",
        task=task,
        form=form,
        auto=auto or AUTO[task],
        is_shared=is_shared,
    ).rstrip("\n")


AUTO = {
    "translation": "AutoModelForSeq2SeqLM",
    "language_model": "AutoModelForCausalLM",
    "masked_language_model": "AutoModelForMaskedLM",
    "classification": "AutoModelForSequenceClassification",
    "embedding": "AutoModel",
}
"""The classes of transformers that find the network of a task."""
