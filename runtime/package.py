"""Generated packages: from a folder to the classes and functions in it."""

import ast
import importlib
import itertools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_file_location
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from compiler.spec.lock import LOCK, load_lock
from compiler.spec.package_files import (
    INIT,
    MODEL,
    PACKED,
    REQUIRED,
    TRAINING,
    explained,
    foreign_files,
    read_files,
)
from compiler.spec.spec import Spec
from runtime.errors import UserError

__all__ = ["MODEL", "PACKED", "TRAINING", "Package", "load_package", "read_package"]

_numbers = itertools.count()


class TrainingModule(Protocol):
    """The names that `training.py` of a generated package defines."""

    def learning_rate(self, step: int, share: float = ..., /) -> float:
        """The rate of update `step`, counted from 1.

        The share of the training's time that is spent is given where the schedule goes by it.
        """

    def micro_batches(self, step: int, /) -> int:
        """The micro-batches of update `step`; there where batches grow."""

    def context(self, step: int, /) -> int:
        """The tokens of the longest text of update `step`; there where texts are short at first."""

    def optimizer(self, model: nn.Module, /) -> Optimizer:
        """The optimizer of all parameters."""

    def loss(self, logits: Tensor, labels: Tensor, /) -> tuple[Tensor, Tensor]:
        """logits [tokens, vocabulary], labels [tokens] -> (label-smoothed, plain) cross-entropy

        in nats, summed over the tokens.
        """


class PairTrainingModule(TrainingModule, Protocol):
    """The names that `training.py` of an embedding model defines."""

    def scores(self, sources: Tensor, targets: Tensor, texts: Tensor, /) -> Tensor:
        """sources, targets [pairs, width], texts [pairs, 2] -> logits [pairs, pairs]"""


class PackedModule(Protocol):
    """The names that `packed.py` of a generated package defines."""

    def Packed(self, tokens: Tensor, offsets: Tensor, longest: int, /) -> "PackedSentences":  # noqa: N802
        """tokens [places], offsets [sentences + 1]"""

    def features(self, model: nn.Module, /, *streams: "PackedSentences") -> Tensor:
        """-> [places, width], or one for a sentence [sentences, width]"""


class PackedSentences(Protocol):
    """Sentences that stand one after the other, without padding."""

    tokens: Tensor
    offsets: Tensor
    longest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A generated package, imported: its spec, its network and its recipe.

    `files` are the bytes that were imported, by name, whatever the folder may hold by now.
    """

    folder: Path
    spec: Spec
    model_class: type[nn.Module]
    training_module: TrainingModule
    files: Mapping[str, bytes]


def load_package(folder: Path) -> Package:
    """Imports the package in `folder`, which may lie anywhere, under a module name of its own.

    Raises UserError, or the compiler's Rejected when the lock is no spec.
    """
    return import_package(folder, read_package(folder))


def read_package(folder: Path) -> dict[str, bytes]:
    """The files of a package, by name. Raises a UserError if one is missing, or one too many."""
    if not folder.is_dir():
        raise _no_package(folder, f"it has no {INIT}" if not folder.exists() else "it is a file")
    if foreign := foreign_files(folder):
        message, help = explained(folder, foreign)
        raise UserError(message, help=help)
    try:
        files = read_files(folder)
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error
    for name in REQUIRED:
        if name not in files:
            raise _no_package(folder, f"it has no {name}")
    return files


def import_package(folder: Path, files: Mapping[str, bytes]) -> Package:
    """Imports these bytes as the package in `folder`, whatever the folder holds by now."""
    spec = load_lock(folder / LOCK, files[LOCK]).spec
    module, training = _import(folder, files)
    model_class = getattr(module, "Model", None)
    if not (isinstance(model_class, type) and issubclass(model_class, nn.Module)):
        raise _cannot_be_imported(folder, f"{INIT} defines no class Model")
    return Package(
        folder=folder,
        spec=spec,
        model_class=model_class,
        training_module=cast(TrainingModule, training),
        files=files,
    )


@dataclass(frozen=True, slots=True)
class _Sources(ExecutionLoader):
    """The modules of one package, compiled from the bytes of its files, never from bytecode."""

    package: str
    folder: Path
    files: Mapping[str, bytes]

    def get_filename(self, fullname: str) -> str:
        return str(self.folder / self._file(fullname))

    def get_source(self, fullname: str) -> str:
        return decode_source(self.files[self._file(fullname)])

    def find(self, fullname: str) -> ModuleSpec | None:
        """The spec of a module; None if the package does not have it."""
        if self._file(fullname) not in self.files:
            return None
        inside: list[str] | None = [] if fullname == self.package else None
        return spec_from_file_location(
            fullname,
            self.get_filename(fullname),
            loader=self,
            submodule_search_locations=inside,
        )

    def _file(self, fullname: str) -> str:
        name = fullname.removeprefix(f"{self.package}.")
        return INIT if fullname == self.package else f"{name}.py"


@dataclass(frozen=True, slots=True)
class _Finder(MetaPathFinder):
    """Finds the modules of all packages that were imported."""

    packages: dict[str, _Sources] = field(default_factory=dict)

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        sources = self.packages.get(fullname.partition(".")[0])
        return sources.find(fullname) if sources else None


_finder = _Finder()
sys.meta_path.insert(0, _finder)


def _import(folder: Path, files: Mapping[str, bytes]) -> tuple[ModuleType, ModuleType]:
    """The package and its `training`, under a new name each time: the files may have changed."""
    name = f"generated_package_{next(_numbers)}"
    _finder.packages[name] = _Sources(name, folder, files)
    try:
        module = importlib.import_module(name)
        training = importlib.import_module(f"{name}.training")
    except (Exception, SystemExit) as error:
        raise _cannot_be_imported(folder, f"{type(error).__name__}: {error}") from error
    for function in ("learning_rate", "optimizer", "loss"):
        if not callable(getattr(training, function, None)):
            raise _cannot_be_imported(folder, f"{TRAINING} defines no {function}")
    return module, training


def _cannot_be_imported(folder: Path, reason: str) -> UserError:
    return UserError(
        f"the package in {folder} cannot be imported: {reason}",
        help="undo the edits by hand, or `specformer compile SPEC` again",
    )


def _no_package(folder: Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not a generated package: {reason}",
        help="`specformer compile SPEC` makes one",
    )


def is_same_code(one: bytes, other: bytes) -> bool:
    """Return whether two files are equal, or differ only in comments and layout."""
    if one == other:
        return True
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except (SyntaxError, ValueError):
        return False


def packed_module(model_class: type[nn.Module]) -> PackedModule | None:
    """Import the `packed.py` of the package that a class of models comes from, if it has one.

    Raises a UserError if it cannot be imported.
    """
    return cast(PackedModule | None, beside_model(model_class, PACKED))


def beside_model(model_class: type[nn.Module], file: str) -> ModuleType | None:
    """Import a file of the package that a class of models comes from, if the package has it.

    Raises a UserError if it cannot be imported.
    """
    names = (each.__module__.partition(".")[0] for each in model_class.__mro__)
    sources = next((_finder.packages[name] for name in names if name in _finder.packages), None)
    if sources is None or file not in sources.files:
        return None
    try:
        return importlib.import_module(f"{sources.package}.{file.removesuffix('.py')}")
    except (Exception, SystemExit) as error:
        reason = f"{file}: {type(error).__name__}: {error}"
        raise _cannot_be_imported(sources.folder, reason) from error


def features_of(model: nn.Module) -> Callable[..., Tensor]:
    """The model's `features`; of one that knows segments, for texts of a single one, kind 0."""
    features = cast(Callable[..., Tensor], model.features)
    if "segments" not in signature(features).parameters:
        return features
    return lambda source: features(source, torch.zeros_like(source))


def packed_features_of(module: PackedModule, model: nn.Module) -> Callable[..., Tensor]:
    """Return the features of packed sentences; kinds of segments are 0, as in `features_of`."""
    if "segments" not in signature(module.features).parameters:
        return lambda *streams: module.features(model, *streams)

    def features(source: PackedSentences) -> Tensor:
        kinds = module.Packed(torch.zeros_like(source.tokens), source.offsets, source.longest)
        return module.features(model, source, kinds)

    return features
