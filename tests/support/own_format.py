"""A format of the tests: safetensors, which the run's own network reads again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors.torch import load_file, save_file

from compiler.export.ctranslate2 import CTRANSLATE2
from compiler.export.verdict import Verdict, said
from compiler.spec.load import Loaded
from runtime.export.exporter import Exported, Options, Written
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable

NAME = "safetensors"


@dataclass(kw_only=True)
class OwnTarget:
    """A table that supports every spec, but for the settings that a test refuses."""

    name: str = NAME
    title: str = "Safetensors"
    option: str = f"--to {NAME}"
    others: dict[str, Verdict] = field(default_factory=dict)

    def verdicts(self, loaded: Loaded) -> Mapping[str, Verdict]:
        paths = CTRANSLATE2.verdicts(loaded)  # those of all settings
        return {**dict.fromkeys(paths, said()), **self.others}


@dataclass(kw_only=True)
class OwnExporter:
    """An exporter whose numbers a test may spoil."""

    name: str = NAME
    libraries: dict[str, str] = field(default_factory=lambda: {"safetensors": "safetensors"})
    quantizations: tuple[str, ...] = ("int8",)
    is_compilable: bool = False
    added: float = 0.0
    """The share by which all weights are too large."""
    opened: list[list[str]] = field(default_factory=list)
    """The files that were there whenever a folder was opened."""

    def write(self, exportable: Exportable, folder: Path, _: Options) -> Written:
        tensors = {name: each.clone().contiguous() for name, each in exportable.tensors.items()}
        for each in tensors.values():
            each *= 1 + self.added
        save_file(tensors, folder / "weights.safetensors")
        return Written(title="a network", converted=("one thing",), unsupported=("another", "more"))

    def load(self, folder: Path, exportable: Exportable) -> Exported:
        self.opened.append(sorted(each.name for each in folder.iterdir()))
        network = OwnNetwork.of(exportable)
        network.model.load_state_dict(load_file(folder / "weights.safetensors"))
        return network
