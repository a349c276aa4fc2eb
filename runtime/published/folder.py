"""A folder as `save_pretrained` writes it: config.json, weights in one file or in shards."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.source.diagnostic import Rejected
from compiler.weights.config import Config, read_config, refusal
from compiler.weights.value_kinds import misfits
from runtime.errors import UserError
from runtime.weights.files import Tensors, read_tensors

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Files of weights; where they are shards, an index with `.index.json` at its end names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """An opened folder: its configuration, and its tensors mapped from the disk."""

    path: Path
    config: Config
    tensors: Tensors

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def note(self, error: UserError) -> None:
        """Note a refusal that is about the folder as a whole."""
        self.config.wrong.append(refusal(self.path, str(error), error.help))

    def json(self, file: str) -> dict[str, Any]:
        """Return the content of a JSON file of the folder; nothing where there is none.

        Raises a UserError for a file that holds no mapping, and `Rejected` with the places of
        values that their keys cannot have.
        """
        content = read_json(self.path / file) if (self.path / file).is_file() else {}
        if wrong := [key for key, value in content.items() if any(misfits(key, value))]:
            config = read_config(self.path / file)
            for key in wrong:
                config.get(key)
            raise Rejected(config.wrong)
        return content


def open_folder(path: Path) -> Folder:
    """Return what lies in a folder; problems of its files are noted in `config.wrong`.

    Raises a UserError for what is no folder, or has no config.json.
    """
    if not path.is_dir():
        raise UserError(f"{path} is no folder", help="give one that `save_pretrained` has written")
    config_file, adapter = path / CONFIG, path / "adapter_config.json"
    wrong = [refusal(adapter, *ADAPTER)] if adapter.is_file() else []
    if not config_file.is_file():
        if wrong:
            raise Rejected(wrong)
        raise UserError(
            f"{path} has no {CONFIG}",
            help="`specformer import` reads folders that `save_pretrained` of transformers writes",
        )
    tensors: Tensors = {}
    try:
        tensors = read_weights(path)
    except UserError as error:
        wrong.append(refusal(path, str(error), error.help))
    config = read_config(config_file, tensors.keys())
    config.wrong += wrong
    return Folder(path=path, config=config, tensors=tensors)


ADAPTER = (
    "the folder is an adapter, a change of another model's weights",
    "merge it into that model first: `merge_and_unload` of peft, then `save_pretrained`",
)


def read_weights(path: Path) -> Tensors:
    """Return all tensors of a folder.

    Raises a UserError where there are none, or a file that the index names is missing or damaged.
    """
    for name in WEIGHTS:
        index = path / f"{name}.index.json"
        if index.is_file():
            return _sharded(index)
        if (path / name).is_file():
            return read_tensors([path / name])
    raise UserError(
        f"the folder has no weights: none of {', '.join(WEIGHTS)}, nor one of them "
        "with .index.json behind it",
        help="weights of other programs are converted by `save_pretrained`",
    )


def _sharded(index: Path) -> Tensors:
    places = read_json(index).get("weight_map", {})
    if not isinstance(places, dict) or not all(isinstance(each, str) for each in places.values()):
        raise UserError(f"{index} has no `weight_map` of names of tensors to names of files")
    files = sorted(set(places.values()))
    if missing := [each for each in files if not (index.parent / each).is_file()]:
        raise UserError(f"{index.name} names {missing[0]}, which is not there")
    tensors = read_tensors([index.parent / each for each in files])
    if lost := sorted(places.keys() - tensors.keys()):
        raise UserError(f"{index.name} names {lost[0]}, which {places[lost[0]]} does not have")
    return tensors


def read_json(path: Path) -> dict[str, Any]:
    """Return the mapping in a JSON file; raises a UserError if there is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no mapping")
    return content
