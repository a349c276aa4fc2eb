"""Networks that are graphs, asked as every exported network is."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from compiler.spec.decoding import BeamSearch, other_decoding
from compiler.spec.spec import Spec
from runtime.data.prepare import TOKENIZERS
from runtime.data.symbols import BEGIN, END
from runtime.data.tasks.classification import read_labels, write_labels
from runtime.data.tasks.task import longest_sentence
from runtime.export.exporter import Answer, Rows
from runtime.export.programs import decode
from runtime.export.programs.decode import Decoder, Network, log_softmax
from runtime.export.programs.graphs import Programs
from runtime.export.source import Exportable
from runtime.export.tokenizers.files import TOKENIZER, Around, tokenizer_tree
from runtime.inference.batch_decoder import longest_read

DECODE = "decode.json"
SOURCE, TARGET = "source", "target"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingGraphs:
    """A network of graphs that writes texts, and the search that a folder has for it."""

    decoder: Decoder

    @property
    def network(self) -> Network:
        """The graphs."""
        return self.decoder.network

    def log_probabilities(self, sources: Rows | None, targets: Rows) -> list[Tensor]:
        """Return those of the tokens of each target, step by step."""
        return [
            self._of_text([*sources[row], END] if sources else [BEGIN], target)
            for row, target in enumerate(targets)
        ]

    def _of_text(self, read: Sequence[int], target: Sequence[int]) -> Tensor:
        state, parent = self.network.start(np.array([read])), np.array([[0]])
        found = []
        pairs = zip([BEGIN, *target], [*target, END], strict=True)
        for position, (token, wanted) in enumerate(pairs):
            logits = self.network.step(np.array([[token]]), parent, position, state)
            found.append(log_softmax(logits[0, 0])[wanted])
        return torch.tensor(np.array(found))

    def texts(self, lines: Sequence[str], decoding: BeamSearch) -> list[Answer]:
        """Return what the network writes for each line."""
        settings, answers = decoding.model_dump(), []
        for line in lines:
            given, new = self.decoder.write(line, settings)
            text = self.decoder.text(line, given, new)
            answers.append(Answer(text=text, tokens=tuple(new)))
        return answers

    def honoured(self, decoding: BeamSearch) -> BeamSearch:
        """Return the decoding itself: `decode.py` has all its settings."""
        return decoding


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingGraph:
    """A network of one graph, which reads a text whole; `forward` runs it on inputs."""

    forward: Callable[[Sequence[np.ndarray[Any, Any]]], Any]
    inputs: int

    def outputs(self, texts: Rows) -> list[Tensor]:
        """Return what the network makes of each text; segments are of one kind."""
        found = []
        for row in texts:
            tokens = np.array([[BEGIN, *row, END]])
            others = [np.zeros_like(tokens)] * (self.inputs - 1)
            found.append(torch.tensor(np.array(self.forward([tokens, *others]))[0]))
        return found


def write_tokenizers(exportable: Exportable, folder: Path) -> list[str]:
    """Write the `tokenizer.json` of the source and the target; return their paths in the folder.

    The numbers of tokens are those of the graphs, and no text begins with BEGIN or ends with END.
    """
    source, target = exportable.tokenizers
    names = {"": source} if source is target else {SOURCE: source, TARGET: target}
    for name, tokenizer in names.items():
        (folder / name).mkdir(exist_ok=True)
        around = Around(before=tuple(getattr(tokenizer, "before", ())), after=())
        tree = tokenizer_tree(exportable.spec, tokenizer, around)
        write_json(tree, folder / name / TOKENIZER)
    return [str(Path(name) / TOKENIZER) for name in names]


def write_program(exportable: Exportable, programs: Programs, folder: Path) -> None:
    """Write what the program of a folder reads besides its graphs, and `decode.py` for steps."""
    if programs.decodes:
        write_description(exportable, programs, folder)
        shutil.copyfile(str(decode.__file__), folder / "decode.py")
    else:
        write_reading(exportable, folder)


def write_reading(exportable: Exportable, folder: Path) -> None:
    """Write what reads texts for a network without a decoder: `tokenizer.json`, names of labels.

    The tokenizer puts texts between BEGIN and END, and cuts long ones.
    """
    spec, (tokenizer, _) = exportable.spec, exportable.tokenizers
    tree = tokenizer_tree(spec, tokenizer)
    tree["truncation"] = {
        "direction": "Right",
        "max_length": longest_sentence(spec),
        "strategy": "LongestFirst",
        "stride": 0,
    }
    write_json(tree, folder / TOKENIZER)
    if spec.model.classifier is not None:
        write_labels(read_labels(exportable.run.folder / TOKENIZERS), folder)


def write_json(content: object, path: Path) -> None:
    """Write a file of JSON."""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")


def write_description(exportable: Exportable, programs: Programs, folder: Path) -> None:
    """Write `decode.json`: what a search has to know of graphs besides these."""
    spec = exportable.spec
    about = {
        "tokenizers": write_tokenizers(exportable, folder),
        "reads_a_source": spec.model.encoder is not None,
        "longest": longest_read(spec),
        "positions": spec.model.positions,
        "prefix": exportable.prefix,
        "ends": exportable.ends.tokens,
        "decoding": searched(spec).model_dump(),
        "state": programs.state,
        "changed": programs.changed,
    }
    write_json(about, folder / DECODE)


def searched(spec: Spec) -> BeamSearch:
    """Return the spec's search; in the place of sampling, greedy search."""
    if isinstance(spec.decoding, BeamSearch):
        return spec.decoding
    greedy = other_decoding(spec.decoding, "beam", beam=1)
    assert isinstance(greedy, BeamSearch)
    return greedy
