"""Training states in shares: a folder that all processes write at once (torch's DCP).

It is read back by any number of processes. Its index is a pickle, of which only those classes are
loaded that describe tensors. What evaluation reads, the weights, is not in it.
"""

import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from runtime.checkpoints.checkpoint import SHARES, RefusedCheckpoint
from runtime.system.atomic_files import new_folder

INDEX = ".metadata"
_DTYPES = {name for name, each in vars(torch).items() if isinstance(each, torch.dtype)}
TYPES = {
    "pathlib": {"PosixPath", "WindowsPath"},
    "torch": {
        "Size",
        *(name for name, each in vars(torch).items() if isinstance(each, torch.dtype)),
    },
    "torch.serialization": {"_get_layout"},
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.distributed.checkpoint.metadata": {
        "ChunkStorageMetadata",
        "Metadata",
        "MetadataIndex",
        "StorageMeta",
        "TensorProperties",
        "TensorStorageMetadata",
        "_MEM_FORMAT_ENCODING",
    },
}
"""The classes and functions, by module, that the index of tensors in shares is made of."""

Room = Callable[[str, torch.Size, torch.dtype], Tensor]
"""Makes the tensor that a tensor of this name, shape and type is read into."""


@contextmanager
def new_folder_of_all(path: Path, *, is_first: bool) -> Iterator[Path]:
    """Make a new folder that all processes write into; the first one finishes it."""
    if not is_first:
        yield Path(_from_first(None))
        return
    with new_folder(path) as folder:
        _from_first(str(folder))
        yield folder


def _from_first(text: str | None) -> str:
    """Return the text of the first process, to all."""
    said = [text]
    dist.broadcast_object_list(said, src=0)
    assert said[0] is not None, "the first process says something"
    return said[0]


def write_shares(tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Write a training state, of which each process has its share, into a checkpoint's folder."""
    with _errors_of_the_disk():
        save(dict(tensors), checkpoint_id=folder / SHARES)


def read_shares(folder: Path, room: Room) -> dict[str, Tensor]:
    """Read a training state from a checkpoint's folder into tensors that `room` makes.

    Raises RefusedCheckpoint if it cannot be read.
    """
    place = folder / SHARES
    _check_index(place / INDEX)
    try:
        index = FileSystemReader(place).read_metadata().state_dict_metadata
        tensors = {
            name: room(name, each.size, each.properties.dtype)
            for name, each in index.items()
            if isinstance(each, TensorStorageMetadata)
        }
        with _errors_of_the_disk(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this process is alone
            load(tensors, checkpoint_id=place, no_dist=not dist.is_initialized())
    except CheckpointException as error:
        raise RefusedCheckpoint(f"{place} cannot be read: {error}") from error
    return tensors


class _Index(pickle.Unpickler):
    """Loads what an index is made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if name in TYPES.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _check_index(path: Path) -> None:
    """Raise RefusedCheckpoint for an index that is none, or would run code."""
    try:
        with path.open("rb") as file:
            _Index(file).load()
    except Exception as error:  # a damaged pickle raises all sorts of them
        raise RefusedCheckpoint(
            f"{path} is no index of tensors: {error}",
            help="the file was exchanged or damaged: bring the old one back",
        ) from error


@contextmanager
def _errors_of_the_disk() -> Iterator[None]:
    """Raise the disk's own error where a process has met one."""
    try:
        yield
    except CheckpointException as error:
        for reason, _ in error.failures.values():
            if isinstance(reason, OSError):
                raise reason from error
        raise
