"""Checks the arguments of calls from Python: texts, and `decoding:` settings of one call."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from pydantic import ValidationError
from torch import nn

from compiler.spec.decoding import DECODINGS, Decoding, decoding_kind, other_decoding
from compiler.spec.expectation import expectation
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS, Task
from runtime.errors import UserError

Report = Callable[[str], None] | None


class Attentive:
    """The base of all that `runtime.load` returns: a model of a run shows its attention, too."""

    make_observer: Callable[[], Any] | None = None
    """Loads the network again, in the form that gives its attention weights."""

    def attention(self, text: str, target: str | None = None) -> Any:
        """Return the attention weights of all heads for a text; a notebook shows them as a page.

        What is returned is an `Attention` (`runtime/attention/attention.py`), with arrays [layer,
        head, query, key]. A translation model is given a target, or translates the text itself.
        The weights are computed on the CPU in float32, whatever `load` was told. Raises a TypeError
        for what is no text, and a UserError for a text without a token, for a target of another
        task, and for a model that `runtime.load` did not load.
        """
        return self._observer.attention(text, target)

    @cached_property
    def _observer(self) -> Any:
        if self.make_observer is None:
            raise UserError(
                "this model is not loaded from a run, whose spec says where it has attention",
                help='runtime.load("RUN").attention(TEXT)',
            )
        return self.make_observer()


def texts_of(given: object) -> list[str]:
    """A text, or an iterable of texts, as a list. Raises TypeError for anything else."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise TypeError(f"expected a text or a list of texts, got {given!r}")
    texts = list(given)
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise TypeError(f"line {number}: expected a text, got {text!r}")
    return texts


def report_cuts(
    rows: Iterable[list[int]], longest: int, first_line: int, report: Report, *, end: str = "first"
) -> None:
    """Reports each row of tokens that is longer than a network reads; `end` names what is read."""
    for number, tokens in enumerate(rows, start=first_line):
        if len(tokens) > longest and report:
            report(f"line {number}: cut from {len(tokens):,} tokens to the {end} {longest:,}")


def chosen_spec(spec: Spec, chosen: Mapping[str, Any]) -> Spec:
    """Returns the spec with keys of `decoding:` changed for one call.

    Keys that another method has, such as `temperature`, choose it. Raises TypeError for an unknown
    key, ValueError for a value that the spec could not have.
    """
    known = _keys_of_calls(TASKS[spec.task])
    for key in chosen:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            help = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise TypeError(f"unexpected keyword {key!r}: {help}")
    kind = chosen.get("kind") or decoding_kind({*chosen}, spec.decoding.kind)
    kinds = [name for name, each in DECODINGS.items() if TASKS[spec.task].draws or not each.draws]
    if kind not in kinds:
        raise ValueError(f"kind: expected {' or '.join(map(repr, kinds))}, got {kind!r}")
    for key in chosen:
        if key not in DECODINGS[kind].model_fields:
            owners = (name for name, each in DECODINGS.items() if key in each.model_fields)
            raise ValueError(f"{key} is for kind={' or '.join(map(repr, owners))}, not {kind!r}")
    return spec.model_copy(update={"decoding": _changed(spec.decoding, kind, chosen)})


def _keys_of_calls(task: Task) -> list[str]:
    """Returns the keys of `decoding:` that mean something to a task."""
    sections = [each for each in DECODINGS.values() if task.draws or not each.draws]
    keys = dict.fromkeys(key for section in sections for key in section.model_fields)
    return [key for key in keys if ("decoding", key) not in task.without_meaning]


def _changed(decoding: Decoding, kind: str, chosen: Mapping[str, Any]) -> Decoding:
    changes = {key: value for key, value in chosen.items() if key != "kind"}
    try:
        return other_decoding(decoding, kind, **changes)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        given = chosen.get(key)
        raise ValueError(f"{key}: expected {expectation(first)}, got {given!r}") from None


def refuse_several(workers: int) -> None:
    """Refuse more than one process."""
    if workers > 1:
        raise UserError(
            f"{workers} workers share texts that are decoded, and nothing is decoded here",
            help="leave `workers` out",
        )


def description(predictor: object, model: object, spec: Spec) -> str:
    """One line for `repr`: the class, the spec, the number of parameters and the device."""
    if not isinstance(model, nn.Module):
        return f"<{type(predictor).__name__} of {spec.name}: {model}>"
    count = sum(parameter.numel() for parameter in model.parameters())
    device = next(model.parameters()).device
    return f"<{type(predictor).__name__} of {spec.name}: {count:,} parameters on {device}>"
