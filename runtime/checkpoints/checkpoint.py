"""Checkpoints: what a run needs to continue, one folder each.

`step-00001234/` belongs to a validation; `interim-00001234/` was saved because the
run was interrupted, is good for continuing only, and goes when the next regular one is there. Each
holds `model.safetensors` (the weights for use: of the network, or their moving average if the spec
wants one), `trainer.safetensors` (the weights in training beside such an average, optimizer, random
numbers, running figures; where they are in shares, `trainer/`) and `trainer.json` (the record:
where the run stands, what the other files must be like). No file is a pickle but the index of a
state in shares, of which tensors alone are read.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import BinaryIO, Literal

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from compiler.spec.base import unknown_before
from compiler.spec.model import Model
from compiler.spec.shorthand import FORMER_NAMES
from compiler.spec.spec import Spec
from compiler.spec.training import Training
from runtime.checkpoints.progress import Metric, Progress
from runtime.errors import UserError
from runtime.system.atomic_files import new_folder
from runtime.system.checksummed import sealed, unsealed

METADATA, LENGTH_BYTES = "__metadata__", 8
"""A key in the header of a safetensors file, and the number of bytes that give its length."""
MODEL, TRAINER, RECORD = "model.safetensors", "trainer.safetensors", "trainer.json"
SHARES = "trainer"
"""The folder of a training state in shares, in the place of TRAINER."""

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The spec that a checkpoint belongs to: hashes of the parts that its weights depend on.

    The other parts may change: a run can be continued for more steps. The places of files
    and further test sets do not count in `data`.
    """

    model: str
    data: str
    earlier_model: str = field(default="", repr=False)
    """The `model` of checkpoints of versions until 0.2, in which keys had their former names."""
    earlier_data: str = field(default="", repr=False)
    """The `data` of checkpoints of versions until 0.1: the places of the text were in it."""

    @classmethod
    def of(cls, spec: Spec) -> "Identity":
        learned = spec.data.model_copy(update={"test": None, "tests": None})
        model = _written(spec.model)
        return cls(
            model=_hash(model),
            earlier_model=_hash(_with_former_names(model)),
            data=_hash(json.dumps(learned.without_places(), sort_keys=True)),
            earlier_data=_hash(spec.data.model_dump_json(exclude_none=True)),
        )

    @property
    def metadata(self) -> dict[str, str]:
        return {"model": self.model, "data": self.data}

    def differences(self, metadata: dict[str, str]) -> list[str]:
        """The parts of the spec in which a checkpoint with this metadata differs."""
        own = {"model": (self.model, self.earlier_model), "data": (self.data, self.earlier_data)}
        return [part for part, hashes in own.items() if metadata.get(part) not in hashes]


def _written(model: Model) -> str:
    """Return the settings of a model, without those that versions until 0.2 did not have.

    Only their defaults are left out, which mean what these versions did.
    """
    return model.model_dump_json(exclude=unknown_before(model))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The libraries and devices that the last bits of the weights depend on."""

    torch_version: str
    device: str
    threads: int
    processes: int
    gpu: str = ""
    """The name of the GPU; empty on a CPU, and in checkpoints of versions until 0.2."""
    cuda: str = ""
    cudnn: str = ""

    @classmethod
    def here(cls, device: torch.device, processes: int) -> "Machine":
        """Return what this process computes with; its GPU must be the current one."""
        is_gpu = device.type == "cuda"
        return cls(
            torch_version=str(torch.__version__),
            device=device.type,
            threads=torch.get_num_threads(),
            processes=processes,
            gpu=torch.cuda.get_device_name(device) if is_gpu else "",
            cuda=str(torch.version.cuda) if is_gpu else "",
            cudnn=_cudnn_version() if is_gpu else "",
        )

    def differences(self, other: "Machine") -> list[str]:
        """Name what differs, in words: `torch version`, `threads`. What is empty is not known."""
        names = (field.name for field in fields(self))
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        return [
            name.replace("_", " ")
            for name, (own, its) in pairs.items()
            if own != its and "" not in (own, its)
        ]


def _cudnn_version() -> str:
    return str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]


BatchKind = Literal["padded", "buckets", "packed"]
"""The form of batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """The settings that the order of the batches depends on, besides the text and the epoch."""

    tokens: int
    seed: int
    kind: BatchKind = "padded"
    """The form of the batches; runs of versions until 0.2 had padded ones alone."""

    @classmethod
    def of(cls, training: Training, kind: BatchKind = "padded") -> "Batching":
        return cls(tokens=training.micro_batch_tokens, seed=training.seed, kind=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The size and the hash that a file must have."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """`trainer.json`. The best score is one of `metric`; `metrics.jsonl` had `metrics_bytes`."""

    version: Literal[1] = 1
    state: Progress
    metric: Metric
    batching: Batching
    metrics_bytes: int
    machine: Machine
    files: dict[str, File]


_records = TypeAdapter(Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint on the disk, whatever its condition."""

    folder: Path
    step: int
    is_interim: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content of a checkpoint."""

    identity: Identity
    progress: Progress
    metric: Metric
    batching: Batching
    metrics_bytes: int
    machine: Machine
    weights: Tensors
    training_state: Tensors


class RefusedCheckpoint(UserError):
    """A checkpoint that is damaged, or belongs to something else."""


def write_checkpoint(parent: Path, content: Content, *, is_interim: bool) -> Checkpoint:
    """Saves a checkpoint in `parent`: all of it, or, when this fails or is killed, nothing."""
    path = checkpoint_path(parent, content.progress.step, is_interim=is_interim)
    with new_folder(path) as folder:
        _save(content.training_state, folder / TRAINER, {})
        finish_checkpoint(folder, content)
    return Checkpoint(folder=path, step=content.progress.step, is_interim=is_interim)


def checkpoint_path(parent: Path, step: int, *, is_interim: bool) -> Path:
    """Return the folder of the checkpoint after an update."""
    return parent / f"{'interim' if is_interim else 'step'}-{step:08}"


def finish_checkpoint(folder: Path, content: Content) -> None:
    """Write the weights and the record into a folder that holds the training state."""
    _save(content.weights, folder / MODEL, content.identity.metadata)
    files = (each for each in folder.rglob("*") if each.is_file())
    record = Record(
        state=content.progress,
        metric=content.metric,
        batching=content.batching,
        metrics_bytes=content.metrics_bytes,
        machine=content.machine,
        files={each.relative_to(folder).as_posix(): _describe(each) for each in sorted(files)},
    )
    (folder / RECORD).write_bytes(sealed(_records.dump_python(record, mode="json")))


def check_checkpoint(
    checkpoint: Checkpoint, identity: Identity, names: Iterable[str] | None = None
) -> Record:
    """Return the record of a checkpoint whose named files, or all, are whole and the run's."""
    record = _read_record(checkpoint.folder / RECORD)
    if names is None:
        is_in_shares = any(name.startswith(f"{SHARES}/") for name in record.files)
        names = {MODEL, *record.files} | (set() if is_in_shares else {TRAINER})
    for name in sorted(names):
        _check_file(checkpoint.folder, name, record.files)
    _check_identity(checkpoint.folder / MODEL, identity)
    return record


def best_step(checkpoint: Checkpoint) -> int | None:
    """The update whose checkpoint was the best until then, if any validation has been the best."""
    return _read_record(checkpoint.folder / RECORD).state.best_step


def check_shapes(path: Path, model: nn.Module) -> None:
    """Raise RefusedCheckpoint unless a file has the tensors of the model, in their shapes."""
    own = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    with safe_open(path, framework="pt") as file:
        found = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    for name in sorted(own.keys() | found.keys()):
        if own.get(name) != found.get(name):
            theirs, ours = (each.get(name, "not there") for each in (found, own))
            raise RefusedCheckpoint(
                f"{path} does not fit the network of its run: {name} is {theirs}, "
                f"and {ours} in the network",
                help="the file was exchanged, or model.py was edited: bring the old one back",
            )


def load_checkpoint(checkpoint: Checkpoint, device: torch.device) -> tuple[Tensors, Tensors]:
    """(weights for use, all else of the training) of a checkpoint that was checked."""
    model = load_file(checkpoint.folder / MODEL, device=str(device))
    return model, load_training_state(checkpoint)


def load_training_state(checkpoint: Checkpoint) -> Tensors:
    """Return all else of the training, on the CPU, of a checkpoint that was checked."""
    return load_file(checkpoint.folder / TRAINER)


def _save(tensors: Tensors, path: Path, metadata: dict[str, str]) -> None:
    """safetensors words the errors of the disk in its own way; the rest of us knows OSError."""
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        save_file(contiguous, path, metadata or None)  # it cannot read {} back without tensors
    except SafetensorError as error:
        if found := re.search(r"os error (\d+)\)", str(error)):
            code = int(found[1])
            raise OSError(code, os.strerror(code), str(path)) from error
        raise
    with path.open("r+b") as file:
        sort_metadata(file)


def sort_metadata(file: BinaryIO) -> None:
    """Sort the metadata of a safetensors file, so that equal weights are equal bytes.

    It is written in the order of a hash table, which is another in each process.
    """
    file.seek(0)
    size = int.from_bytes(file.read(LENGTH_BYTES), "little")
    header = json.loads(file.read(size))
    if metadata := header.get(METADATA):
        ordered = header | {METADATA: dict(sorted(metadata.items()))}
        text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode()
        file.seek(LENGTH_BYTES)
        file.write(text.ljust(size))


def _read_record(path: Path) -> Record:
    if path.exists() and not path.is_file():  # reading a pipe would block until something writes
        raise RefusedCheckpoint(f"{path} is no file")
    try:
        return _records.validate_json(json.dumps(unsealed(path.read_bytes())), strict=True)
    except FileNotFoundError:
        raise RefusedCheckpoint(f"{path} is missing") from None
    except ValidationError as error:
        raise RefusedCheckpoint(f"{path} is damaged: {error.errors()[0]['msg']}") from error
    except ValueError as error:
        raise RefusedCheckpoint(f"{path} is damaged: {error}") from error


def _check_file(folder: Path, name: str, expected: dict[str, File]) -> None:
    path = folder / name
    if name not in expected or not path.is_file():
        raise RefusedCheckpoint(f"{path} is missing")
    file, size = expected[name], path.stat().st_size
    if size != file.bytes:
        raise RefusedCheckpoint(f"{path} is truncated: {size} bytes, {file.bytes} expected")
    if hash_file(path) != file.sha256:
        raise RefusedCheckpoint(f"{path} is damaged: its SHA-256 is not the recorded one")


def _check_identity(path: Path, identity: Identity) -> None:
    with safe_open(path, framework="pt") as file:
        found = file.metadata() or {}
    for part in identity.differences(found):
        raise RefusedCheckpoint(f"{path} belongs to a spec with another `{part}:`")


def _describe(path: Path) -> File:
    return File(bytes=path.stat().st_size, sha256=hash_file(path))


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, which is not read into memory as a whole."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _with_former_names(model: str) -> str:
    """Returns the JSON text of a model's settings with the names that keys had until 0.2."""
    for names in FORMER_NAMES.values():
        for former, name in names.items():
            model = model.replace(f'"{name}":', f'"{former}":')
    return model


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
