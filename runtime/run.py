"""A run: the folder of one training, from which everything about its result can be had.

`package/` (a copy of the generated package: this is what runs), `tokenizers/`, `checkpoints/`,
`metrics.jsonl` and `run.json` (the versions and hashes that it began with).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from compiler.spec.kinds_of_files import FOLDER, kind_of
from compiler.spec.lock import LOCK
from compiler.spec.spec import Spec
from runtime.checkpoints.checkpoint import (
    MODEL,
    Checkpoint,
    Identity,
    check_checkpoint,
    check_shapes,
    hash_file,
)
from runtime.checkpoints.choice import (
    Choice,
    Weights,
    average_weights,
    chosen_checkpoints,
    naming_others,
)
from runtime.data.prepare import TOKENIZERS, Prepared, digests_of
from runtime.data.tokenizers.tokenizer import Tokenizer, load_tokenizers
from runtime.errors import UserError
from runtime.package import TRAINING, Package, import_package, read_package
from runtime.run_record import (
    ADOPTED,
    BEGUN,
    PACKAGE,
    PUBLISHED,
    TRANSFERRED,
    described,
    files_below,
    listed,
    read_record,
    refuse_changed,
    sums_of,
    version_of,
)
from runtime.system.atomic_files import copy_folder, new_folder, replace_file
from runtime.system.checksummed import read_sealed_file, sealed

CHECKPOINTS = "checkpoints"
RUNS = Path("runs")
"""The folder that `specformer train` makes runs in, unless it is told another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The weights that a run begins with: their origin for `run.json`, and how they are written.

    `write_checkpoint` writes the first checkpoint into the folder that it is given; by default the
    weights are random, and there is none.
    """

    origin: dict[str, Any] = field(default_factory=dict)
    write_checkpoint: Callable[[Path], None] = lambda _: None
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Further files of the run's folder, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run folder, its package loaded."""

    folder: Path
    package: Package
    identity: Identity
    """The identity of its checkpoints, by its own spec: another text may be scored."""
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
            copy_folder(prepared.folder / TOKENIZERS, place)

        begun = beginning or Beginning()
        told = {"prepared": prepared.entry, "text": listed(prepared.digests)}
        told |= begun.origin
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
            (unfinished / PACKAGE).mkdir()
            for name, content in package.files.items():
                (unfinished / PACKAGE / name).write_bytes(content)
            (unfinished / CHECKPOINTS).mkdir()
            beginning.write_checkpoint(unfinished / CHECKPOINTS)
            write_tokenizers(unfinished / TOKENIZERS)
            for name, content in beginning.files.items():
                (unfinished / name).write_bytes(content)
            record = described(package, unfinished / TOKENIZERS) | beginning.origin
            (unfinished / BEGUN).write_bytes(sealed(record))
        return cls.open(folder)

    @classmethod
    def open(
        cls,
        folder: Path,
        checkpoint: str | None = None,
        recompiled: Mapping[str, bytes] | None = None,
    ) -> "Run":
        """The run in a folder; if `recompiled` is given, these files are its package.

        Raises a UserError unless the folder holds a run whose files are as they were written.
        """
        if not (folder / BEGUN).is_file():
            kind = kind_of(folder)
            if kind is not None and kind.name != FOLDER:
                raise UserError(f"{folder} is {kind.words}, not a run", help=kind.advice)
            beside = RUNS / folder
            is_run = not folder.is_absolute() and (beside / BEGUN).is_file()
            makes = "`specformer train SPEC --out RUN` makes one"
            raise UserError(
                f"{folder} is not a run: it has no {BEGUN}",
                help=f"`{beside}` is one" if is_run else makes,
            )
        files = read_package(folder / PACKAGE) if recompiled is None else recompiled
        refuse_changed(folder, None if recompiled else files)
        package = import_package(folder / PACKAGE, files)
        identity = Identity.of(package.spec)
        return cls(folder=folder, package=package, identity=identity, checkpoint=checkpoint)

    @classmethod
    def accept_edits(cls, folder: Path, package: Package) -> None:
        """Records the run's own package as it is now, since its user trains it after an edit."""
        begun = read_sealed_file(folder / BEGUN)
        replace_file(
            folder / BEGUN, sealed(begun | {ADOPTED: sums_of(read_package(package.folder))})
        )

    def amend(self, entry: Mapping[str, Any]) -> None:
        """Add an entry to `run.json`, in the place of one of this name."""
        replace_file(self.folder / BEGUN, sealed(self.begun | dict(entry)))

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    @property
    def given_tokenizers(self) -> Path | None:
        """The tokenizers that its text is prepared with, if it has not learned them itself."""
        has_own = self.begun.keys().isdisjoint((TRANSFERRED, PUBLISHED))
        return None if has_own else self.folder / TOKENIZERS

    @property
    def versions(self) -> dict[str, str]:
        """The versions of the libraries that it began with, by name."""
        return dict(self.begun.get("versions", {}))

    def has_tokenizers(self, folder: Path) -> bool:
        """Return whether the tokenizers in a folder are those of this run."""
        own = self.folder / TOKENIZERS
        return sums_of(files_below(own)) == sums_of(files_below(folder))

    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """The tokenizers of the source and the target; the same object for one vocabulary."""
        return load_tokenizers(self.folder / TOKENIZERS)

    @property
    def kept(self) -> int:
        """The number of last regular checkpoints that stay; the best one stays beside them."""
        return max(self.package.spec.evaluation.average_last, 2)

    def averaged(self, average: int | None) -> list[Checkpoint]:
        """The checkpoints whose weights are used, several for their mean.

        `average` counts the last regular ones, by default `evaluation.average_last`. Raises a
        UserError where there is none yet, or the best or the named one is missing.
        """
        choice = Choice.of(self.package.spec.evaluation, self.checkpoint, average)
        if not self.checkpoints.is_dir():
            raise UserError(
                f"{self.folder} has no folder {CHECKPOINTS}, where a run keeps its weights",
                help="copy the whole folder of the run again",
            )
        chosen = chosen_checkpoints(self.checkpoints, choice, kept=self.kept)
        if not chosen:
            raise UserError(
                f"{self.folder} has no checkpoint yet",
                help="the first one is written after the first validation",
            )
        return chosen

    def used(self, average: int | None = None) -> Weights:
        """The checkpoints that `load_model(average)` takes, for messages and reports."""
        choice = Choice.of(self.package.spec.evaluation, self.checkpoint, average)
        updates = tuple(each.step for each in self.averaged(average))
        return Weights(checkpoint=choice.checkpoint, updates=updates)

    def weights_digests(self, average: int | None = None) -> dict[str, str]:
        """The SHA-256 of the weights of `averaged(average)`, by the names of their folders."""
        used = self.averaged(average)
        return {each.folder.name: hash_file(each.folder / MODEL) for each in used}

    def load_model(self, average: int | None = None) -> nn.Module:
        """The trained network in evaluation mode, with the mean weights of `averaged(average)`."""
        used = self.averaged(average)
        model = self.package.model_class()
        for checkpoint in used:
            with naming_others(self.checkpoints, checkpoint, self._check):
                self._check(checkpoint)
                check_shapes(checkpoint.folder / MODEL, model)
        model.load_state_dict(average_weights([each.folder / MODEL for each in used]))
        return model.eval()

    def _check(self, checkpoint: Checkpoint) -> None:
        """Raise RefusedCheckpoint unless the weights of a checkpoint are whole and the run's."""
        check_checkpoint(checkpoint, self.identity, [MODEL])

    def adopt(self, package: Package) -> "Run":
        """Return this run with the recipe of another package, for more steps, say.

        The network's code stays the run's own. Raises a UserError as `check_spec` does.
        """
        self.check_spec(package.spec)
        new = {name: package.files[name] for name in (TRAINING, LOCK)}
        sums = {PACKAGE: sums_of(self.package.files), ADOPTED: sums_of(new)}
        replace_file(self.folder / BEGUN, sealed(self.begun | sums))
        for name, content in new.items():  # a kill may come between: the record admits both
            replace_file(self.package.folder / name, content)
        return Run.open(self.folder)

    def check_spec(self, other: Spec) -> None:
        """Raise a UserError if network, data or optimizer of a spec differ from the run's.

        A checkpoint holds state of exactly these. The places of files may differ.
        """
        own = self.package.spec
        help = "give the spec of that run, or start a new run in another folder"
        for part, is_other in (
            ("model", own.model != other.model),
            ("data", own.data.without_places() != other.data.without_places()),
        ):
            if is_other:
                message = f"{self.folder} was begun with another `{part}:` than the spec has now"
                raise UserError(message, help=help)
        begun, wanted = (each.training.optimizer.kind for each in (own, other))
        if begun != wanted:
            message = f"was begun with optimizer {begun}, and the spec has {wanted} now"
            raise UserError(f"{self.folder} {message}", help=help)

    @property
    def begun(self) -> dict[str, Any]:
        """The content of `run.json`: what the run began with."""
        return read_record(self.folder)

    def text_digests(self, split: str) -> dict[str, str]:
        """The SHA-256 of each file of a text that is scored."""
        return {str(path): digest for path, digest in digests_of(self.package.spec, split)}

    def check_text(self, split: str) -> None:
        """Raise a UserError if the run was begun with another text of this name.

        Its scores would replace those of the old text, as if they could be compared.
        """
        now = self.text_digests(split)
        begun = [digest for _, digest in self.begun.get("text", {}).get(split, [])]
        if begun and begun != list(now.values()):
            others = [path for path, digest in now.items() if digest not in begun] or list(now)
            raise UserError(
                f"the text of {others[0]} has changed since {self.folder} was begun: scores of "
                f"the {split} set could not be compared with earlier ones",
                help="bring the old file back; or score the new text beside it, with "
                "`specformer evaluate --test CORPUS`",
            )

    def check_data(self, entry: str) -> None:
        """Raise a UserError if the run was begun with other prepared text, or with none.

        `entry` is the name of the text's folder in the cache.
        """
        begun = self.begun
        if "prepared" not in begun and PUBLISHED in begun:
            return  # the first text that it is trained with
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
        """Names the libraries that prepare text and have other versions than at the beginning."""
        names = ("specformer", "sentencepiece", "tokenizers")
        begun = {name: self.versions[name] for name in names if name in self.versions}
        other = [f"{name} {old}" for name, old in begun.items() if old != version_of(name)]
        return f", or {' and '.join(other)}" if other else ""


def refuse_existing(folder: Path, *, can_resume: bool = False) -> None:
    """Raise a UserError if there is anything at the place of a new run.

    `can_resume` tells that the command continues runs.
    """
    if folder.exists():
        raise UserError(
            f"{folder} exists already",
            help="--resume continues that run; or choose another folder"
            if can_resume
            else "choose another folder: `--out RUN`",
        )
