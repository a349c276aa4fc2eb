"""The functions of `functional.py`, beside those of the model that they stand for."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from compiler.pipeline import CompiledPackage
from runtime.data.symbols import BEGIN, PADDING
from tests.support.packages import import_package

BEAMS = (1, 3, 2, 4, 1)
"""Hypotheses of a text in each step after the first; some continue others than their own."""
LENGTHS = {"source": 7, "segments": 7, "target": 9, "tokens": 9}
Tensors = dict[str, Tensor]


def functional_of(package: CompiledPackage, folder: Path) -> tuple[ModuleType, Any]:
    """Return the module `functional` of a package, and a model with weights of all kinds."""
    module = import_package(package, folder)
    path = Path(str(module.__file__)).with_name("functional.py")
    path.write_text(package.functional())
    model = module.Model().eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.2)
    return importlib.import_module(f"{module.__name__}.functional"), model


def random_inputs(functional: ModuleType, function: str, rows: int, batch: int = 3) -> Tensors:
    """Return tokens for a function that reads whole texts; sources have padding, targets none."""
    names = functional.INPUTS[function]
    found = {each: torch.randint(4, rows, (batch, LENGTHS[each])) for each in names}
    if "source" in found and batch > 1:
        found["source"][1, -2:] = PADDING
    if "segments" in found:
        found["segments"] %= 2
    return found


def steps(batch: int, vocabulary: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield random tokens and parents [batch, beam] of one step after the other."""
    yield torch.full((batch, 1), BEGIN), torch.zeros(batch, 1, dtype=torch.int64)
    for former, beam in zip((1, *BEAMS), BEAMS, strict=False):
        yield (
            torch.randint(4, vocabulary, (batch, beam)),
            torch.randint(0, former, (batch, beam)),
        )


def differences(functional: ModuleType, model: Any, vocabulary: int) -> Iterator[Tensor]:
    """Yield the differences between the logits of a model and those of its functions of tensors."""
    if "forward" in functional.INPUTS:
        read = random_inputs(functional, "forward", vocabulary).values()
        yield functional.forward(model, *read) - model(*read)
        return
    (read,) = random_inputs(functional, "start", vocabulary).values()
    for is_filled in (False, *([True] if "prefill" in functional.INPUTS else [])):
        state, count = model.start(read), 0
        tensors = dict(zip(functional.STATE, functional.start(model, read), strict=True))
        if is_filled:
            (target,) = random_inputs(functional, "prefill", vocabulary).values()
            count = target.size(1)
            logits, *changed = functional.prefill(model, target, *tensors.values())
            yield logits - model.project(model.prefill(target, state))
            tensors |= dict(zip(functional.CHANGED, changed, strict=True))
        for number, (token, parent) in enumerate(steps(len(read), vocabulary), count):
            position = torch.tensor(number)
            logits, *changed = functional.step(model, token, parent, position, *tensors.values())
            yield logits - model.project(model.step(token, parent, state))
            tensors |= dict(zip(functional.CHANGED, changed, strict=True))
