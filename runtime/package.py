"""Generated packages: from a folder to the classes and functions in it."""

import importlib
import importlib.util
import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compiler.spec.lock import LOCK, read_lock
from compiler.spec.spec import Spec
from runtime.errors import UserError

MODEL, TRAINING, INIT = "model.py", "training.py", "__init__.py"

_numbers = itertools.count()


class TrainingModule(Protocol):
    """What `training.py` of a generated package defines."""

    def learning_rate(self, step: int, /) -> float:
        """The rate of update `step`, counted from 1."""

    def optimizer(self, model: nn.Module, /) -> Optimizer:
        """The optimizer of all parameters."""

    def loss(self, logits: Tensor, labels: Tensor, /) -> tuple[Tensor, Tensor]:
        """logits [tokens, vocabulary], labels [tokens] -> (label-smoothed, plain) cross-entropy

        in nats, summed over the tokens.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A generated package, imported: its spec, its network and its recipe."""

    folder: Path
    spec: Spec
    model_class: type[nn.Module]
    training_module: TrainingModule


def load_package(folder: Path) -> Package:
    """Imports the package in `folder`, which may lie anywhere, under a module name of its own.

    Raises UserError, or the compiler's Rejected when the lock is no spec.
    """
    for name in (INIT, MODEL, TRAINING, LOCK):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} is not a generated package: it has no {name}",
                help="`specformer compile SPEC` makes one",
            )
    spec = read_lock(folder / LOCK)
    module = _import_folder(folder)
    training = importlib.import_module(f"{module.__name__}.training")
    return Package(
        folder=folder,
        spec=spec,
        model_class=module.Model,
        training_module=cast(TrainingModule, training),
    )


def _import_folder(folder: Path) -> ModuleType:
    """A new name for each import, because the files of a folder may change between two of them."""
    name = f"generated_package_{next(_numbers)}"
    location = importlib.util.spec_from_file_location(
        name, folder / INIT, submodule_search_locations=[str(folder)]
    )
    if location is None or location.loader is None:
        raise ImportError(f"no module can be made of {folder}")
    importlib.invalidate_caches()  # this process may have made the folder a moment ago
    module = importlib.util.module_from_spec(location)
    sys.modules[name] = module
    try:
        location.loader.exec_module(module)
        importlib.import_module(f"{name}.training")
    except Exception as error:
        raise UserError(
            f"the package in {folder} cannot be imported: {type(error).__name__}: {error}",
            help="undo the edits by hand, or `specformer compile SPEC` again",
        ) from error
    return module


def features_of(model: nn.Module) -> Callable[..., Tensor]:
    """The model's `features`; of one that knows segments, for texts of a single one, kind 0."""
    features = cast(Callable[..., Tensor], model.features)
    if "segments" not in signature(features).parameters:
        return features
    return lambda source: features(source, torch.zeros_like(source))
