"""Files of tensors, whoever wrote them: safetensors, or a state dict that torch saved."""

import pickle
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from runtime.checkpoints.checkpoint import sort_metadata
from runtime.errors import UserError
from runtime.system.atomic_files import replace_file

Tensors = dict[str, Tensor]


def read_tensors(paths: Iterable[Path]) -> Tensors:
    """All tensors of some files, mapped from the disk; nothing in them is ever executed.

    Raises a UserError for a file of another kind, and for a name that two files have.
    """
    tensors: Tensors = {}
    for path in paths:
        for name, tensor in _read(path).items():
            if name in tensors:
                raise UserError(
                    f"{path} has a tensor {name}, and so has a file before it",
                    help="give each file once, and those of one model only",
                )
            tensors[name] = tensor
    return tensors


def write_tensors(tensors: Tensors, path: Path, metadata: dict[str, str]) -> None:
    """A safetensors file, whole or not at all."""
    content = BytesIO(save(tensors, metadata))
    sort_metadata(content)
    replace_file(path, content.getvalue())


def _read(path: Path) -> Tensors:
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _read_state_dict(path)


def _read_safetensors(path: Path) -> Tensors:
    path.open("rb").close()  # a file that may not be read is no damaged one
    try:
        return load_file(path)
    except (SafetensorError, ValueError, OSError, RuntimeError) as error:
        raise UserError(f"{path} is no safetensors file, or is damaged: {error}") from error


def _read_state_dict(path: Path) -> Tensors:
    """Reads what `torch.save` wrote; joins the names of dictionaries in dictionaries by dots."""
    is_zip = _is_zip(path)  # a file that may not be read is no damaged one
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is no plain state dict: reading it could run code, or it is damaged",
            help="where it was made: torch.save(model.state_dict(), FILE), or save_file of "
            "safetensors",
        ) from error
    except Exception as error:  # of a damaged file almost anything is raised, OSError too
        reason = next(iter(str(error).splitlines()), "")
        raise UserError(
            f"{path} is no file that torch can read, or is damaged: {type(error).__name__} "
            f"{reason}".rstrip(),
            help="copy it anew if it is not whole; a file of safetensors must be called so: "
            "NAME.safetensors",
        ) from error
    tensors = dict(_flat(content, ""))
    if not tensors:
        raise UserError(f"{path} holds no tensors")
    return tensors


def _is_zip(path: Path) -> bool:
    """Return whether the file is a zip archive, which torch 1.6 and later write and can map."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _flat(content: object, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a tree of dictionaries; anything else, a step or a name, is no weight."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, dict):
        for key, below in content.items():
            yield from _flat(below, f"{name}.{key}" if name else str(key))
