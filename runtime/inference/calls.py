"""Checks the arguments of calls from Python: texts, and `decoding:` settings of one call."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from torch import nn

from compiler.spec.expectation import expectation
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.spec.training import Decoding, Sampling
from runtime.errors import UserError

DRAWS = tuple(Sampling.model_fields)


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


def chosen_spec(spec: Spec, chosen: Mapping[str, Any]) -> Spec:
    """The spec with keys of `decoding:`, and of its `sampling:`, changed for one call.

    Raises TypeError for an unknown key, ValueError for a value that the spec could not have.
    """
    draws = DRAWS if TASKS[spec.task].draws else ()
    meaningless = ("sampling", "prefix") if draws else ("sampling",)
    known = [*(key for key in Decoding.model_fields if key not in meaningless), *draws]
    for key in chosen:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            help = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise TypeError(f"unexpected keyword {key!r}: {help}")
    decoding = spec.decoding.model_dump() | {k: v for k, v in chosen.items() if k not in DRAWS}
    if drawn := {key: value for key, value in chosen.items() if key in DRAWS}:
        if "beam" in chosen:
            raise ValueError(f"beam searches for the likeliest text, {', '.join(drawn)} draws one")
        decoding["sampling"] = (decoding["sampling"] or {}) | drawn
    elif "beam" in chosen:
        decoding["sampling"] = None
    return spec.model_copy(update={"decoding": _validated(decoding)})


def _validated(settings: dict[str, Any]) -> Decoding:
    try:
        return Decoding.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = [step for step in first["loc"] if step in (*Decoding.model_fields, *DRAWS)][-1]
        given = settings.get(str(key), (settings["sampling"] or {}).get(key))
        raise ValueError(f"{key}: expected {expectation(first)}, got {given!r}") from None


def refuse_several(workers: int) -> None:
    """Raises a UserError for more than one process."""
    if workers > 1:
        raise UserError(
            f"{workers} workers share texts that are decoded, and nothing is decoded here",
            help="leave `workers` out",
        )


def description(predictor: object, model: nn.Module, spec: Spec) -> str:
    """One line for `repr`: the class, the spec, the number of parameters and the device."""
    count = sum(parameter.numel() for parameter in model.parameters())
    device = next(model.parameters()).device
    return f"<{type(predictor).__name__} of {spec.name}: {count:,} parameters on {device}>"
