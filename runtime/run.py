"""A run: the folder of one training, from which everything about its result can be had.

`package/` (a copy of the generated package: this is what runs), `tokenizers/`, `checkpoints/`,
`metrics.jsonl` and `run.json` (the versions and hashes that it began with).
"""

import hashlib
import importlib.metadata
import json
import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from compiler.spec.lock import LOCK
from runtime.checkpoints.averaging import average_weights
from runtime.checkpoints.checkpoint import MODEL, Checkpoint, Identity, check_checkpoint
from runtime.checkpoints.choice import Choice, Weights, chosen_checkpoints
from runtime.data.prepare import TOKENIZERS, Prepared
from runtime.data.tokenizer import Tokenizer, load_tokenizers
from runtime.durable import new_folder, replace_file
from runtime.errors import UserError
from runtime.package import TRAINING, Package, load_package

CHECKPOINTS = "checkpoints"
TRANSFERRED = "transferred"
"""What `run.json` calls the beginning of a run that goes on with the weights of another."""
LIBRARIES = ("specformer", "torch", "numpy", "safetensors", "sentencepiece")


def _nothing(_: Path) -> None:
    """Of a run that begins with random weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a run begins with: what `run.json` says of its origin, and what writes its checkpoint

    into the folder that it is given.
    """

    origin: dict[str, Any] = field(default_factory=dict)
    write_checkpoint: Callable[[Path], None] = _nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run folder, its package loaded."""

    folder: Path
    package: Package
    checkpoint: str | None = None
    """`last`, `best`, or an update, in the place of what its spec says is used."""

    @classmethod
    def create(
        cls,
        folder: Path,
        package: Package,
        prepared: Prepared,
        beginning: Beginning | None = None,
    ) -> "Run":
        """A new run of a package on prepared text; an existing folder is left alone.

        Where its weights come from elsewhere, `beginning` says from where, and writes them.
        """

        def copy_tokenizers(place: Path) -> None:
            shutil.copytree(prepared.folder / TOKENIZERS, place)

        begun = beginning or Beginning()
        told = {"prepared": prepared.folder.name} | begun.origin
        return cls.begin(folder, package, copy_tokenizers, replace(begun, origin=told))

    @classmethod
    def begin(
        cls,
        folder: Path,
        package: Package,
        write_tokenizers: Callable[[Path], None],
        beginning: Beginning,
    ) -> "Run":
        """A new run: it is there with all that it begins with, or not at all.

        `write_tokenizers` makes the folder that it is given.
        """
        refuse_existing(folder)
        with new_folder(folder) as unfinished:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(package.folder, unfinished / "package", ignore=ignored)
            (unfinished / CHECKPOINTS).mkdir()
            beginning.write_checkpoint(unfinished / CHECKPOINTS)
            write_tokenizers(unfinished / TOKENIZERS)
            _write_json(unfinished / "run.json", _describe(package) | beginning.origin)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, checkpoint: str | None = None) -> "Run":
        if not (folder / "run.json").is_file():
            raise UserError(
                f"{folder} is not a run: it has no run.json",
                help="`specformer train SPEC --out RUN` makes one",
            )
        package = load_package(folder / "package")
        return cls(folder=folder, package=package, checkpoint=checkpoint)

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    @property
    def identity(self) -> Identity:
        """What the checkpoints of this run belong to."""
        return Identity.of(self.package.spec)

    @property
    def given_tokenizers(self) -> Path | None:
        """The tokenizers that its text is prepared with, if it has not learned them itself."""
        return self.folder / TOKENIZERS if TRANSFERRED in self._begun else None

    @property
    def versions(self) -> dict[str, str]:
        """Of the libraries that it began with, by name."""
        return dict(self._begun["versions"])

    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Of the source and the target; the same object for one vocabulary."""
        return load_tokenizers(self.folder / TOKENIZERS)

    @property
    def kept(self) -> int:
        """How many of the last regular checkpoints stay; the best one stays beside them."""
        return max(self.package.spec.evaluation.average_last, 2)

    def averaged(self, average: int | None) -> list[Checkpoint]:
        """The checkpoints whose weights are used: of several, the mean.

        `average` counts the last regular ones, by default `evaluation.average_last`. Raises a
        UserError where there is none yet, or not the best one or that of the update asked for.
        """
        choice = Choice.of(self.package.spec.evaluation, self.checkpoint, average)
        chosen = chosen_checkpoints(self.checkpoints, choice, kept=self.kept)
        if not chosen:
            raise UserError(
                f"{self.folder} has no checkpoint yet",
                help="the first one is written at the first look at the validation set",
            )
        return chosen

    def used(self, average: int | None = None) -> Weights:
        """Which checkpoints `load_model(average)` takes, to be said and kept beside scores."""
        choice = Choice.of(self.package.spec.evaluation, self.checkpoint, average)
        updates = tuple(each.step for each in self.averaged(average))
        return Weights(checkpoint=choice.checkpoint, updates=updates)

    def load_model(self, average: int | None = None) -> nn.Module:
        """The trained network, for use: the mean of those checkpoints."""
        used = self.averaged(average)
        for checkpoint in used:
            check_checkpoint(checkpoint, self.identity, [MODEL])
        model = self.package.model_class()
        model.load_state_dict(average_weights([each.folder / MODEL for each in used]))
        return model.eval()

    def adopt(self, package: Package) -> "Run":
        """This run with the recipe of another package, for more steps, say.

        Raises a UserError when network, data or optimizer differ: the state of one means nothing to
        another. The network's code stays the run's own.
        """
        own, other = self.package.spec, package.spec
        for part in ("model", "data"):
            if getattr(own, part) != getattr(other, part):
                raise UserError(
                    f"{self.folder} was begun with another `{part}:` than the spec has now",
                    help="give the spec of that run, or start a new run in another folder",
                )
        begun, wanted = (each.training.optimizer.kind for each in (own, other))
        if begun != wanted:
            raise UserError(
                f"{self.folder} was begun with optimizer {begun}, and the spec has {wanted} now",
                help="give the spec of that run, or start a new run in another folder",
            )
        for name in (TRAINING, LOCK):
            replace_file(self.package.folder / name, (package.folder / name).read_bytes())
        return Run.open(self.folder)

    def check_data(self, entry: str) -> None:
        """Raises a UserError when the run was begun with other prepared text, or with none.

        `entry` is the name of the text's folder in the cache.
        """
        begun = self._begun
        if "prepared" not in begun:
            raise UserError(
                f"{self.folder} was imported: there is no training to continue",
                help="`specformer translate` and `evaluate` take it as it is",
            )
        if begun["prepared"] != entry:
            raise UserError(
                f"the text has changed since {self.folder} was begun, or how it is prepared",
                help=f"bring the old files back{self._other_versions()}, or start a new run",
            )

    def _other_versions(self) -> str:
        """Of what prepares text, where they are not those of the beginning."""
        begun = {name: self.versions.get(name) for name in ("specformer", "sentencepiece")}
        other = [f"{name} {old}" for name, old in begun.items() if old != _version(name)]
        return f", or {' and '.join(other)}" if other else ""

    @property
    def _begun(self) -> dict[str, Any]:
        """What `run.json` holds."""
        return json.loads((self.folder / "run.json").read_bytes())


def refuse_existing(folder: Path) -> None:
    """Raises a UserError when there is anything at the place of a new run."""
    if folder.exists():
        raise UserError(
            f"{folder} exists already",
            help="--resume continues that run; or choose another folder",
        )


def _describe(package: Package) -> dict[str, Any]:
    files = sorted(path for path in package.folder.iterdir() if path.is_file())
    return {
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in LIBRARIES},
        "spec": asdict(Identity.of(package.spec)),
        "package": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
