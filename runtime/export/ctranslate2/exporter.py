"""Exports a run to CTranslate2, and opens what was exported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from compiler.export.ctranslate2 import CTRANSLATE2
from compiler.export.report import converted
from compiler.spec.ctranslate2_search import honoured, not_honoured, words_of
from compiler.spec.decoding import BeamSearch
from compiler.spec.spec import Spec
from runtime.data.tasks.task import longest_sentence
from runtime.data.tokenizers.tokenizer import Tokenizer
from runtime.export.ctranslate2.page import README, page
from runtime.export.ctranslate2.specification import specification
from runtime.export.ctranslate2.vocabularies import Vocabulary, vocabulary_of, write_vocabulary
from runtime.export.exporter import Answer, Options, Rows, Written
from runtime.export.own_network import answers, given_tokens
from runtime.export.source import Exportable
from runtime.inference.engines.ctranslate2_decoder import CTranslate2Decoder
from runtime.inference.engines.ctranslate2_network import CTranslate2Network

FEWEST_POSITIONS = 1024
"""The least number of rows of tables of positions."""


def positions_of(spec: Spec) -> int:
    """Return the number of positions that a decoding of a spec may need."""
    most = 2 * longest_sentence(spec) + spec.decoding.max_extra_length
    return max(FEWEST_POSITIONS, most)


class CTranslate2Exporter:
    """Writes a folder that CTranslate2 opens: weights, vocabularies, tokenizers and a README."""

    name = CTRANSLATE2.name
    libraries: Mapping[str, str] = {"ctranslate2": "ctranslate2"}
    quantizations: tuple[str, ...] = ("int8", "int8_bfloat16")
    is_compilable: bool = False

    def write(self, exportable: Exportable, folder: Path, options: Options) -> Written:
        """Write all files into an empty folder, and say what was written."""
        spec, (source, target) = exportable.spec, exportable.tokenizers
        sides = _vocabularies(spec, source, target)
        words = [each.words for each in sides.values()]
        model = specification(spec, exportable.tensors, words, positions_of(spec))
        model.validate()
        model.optimize(quantization=options.quantize)
        model.save(str(folder))
        for vocabulary in sides.values():
            write_vocabulary(vocabulary, folder)
        title = f"{model.name}, {options.quantize or 'float32'}"
        (folder / README).write_text(page(exportable, sides, title), "utf-8")
        return Written(
            title=title,
            converted=converted(exportable.loaded, CTRANSLATE2),
            unsupported=tuple(words_of(not_honoured(spec))),
        )

    def load(self, folder: Path, exportable: Exportable) -> "OpenedExport":
        """Open such a folder with the library of the format."""
        network = CTranslate2Network(folder)
        return OpenedExport(network=network, spec=exportable.spec, tokenizers=exportable.tokenizers)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedExport:
    """An exported folder, opened by CTranslate2."""

    network: CTranslate2Network
    spec: Spec
    tokenizers: tuple[Tokenizer, Tokenizer]

    def log_probabilities(self, sources: Rows | None, targets: Rows) -> list[Tensor]:
        """Return for each target the log-probabilities of its tokens and of END [tokens + 1]."""
        found = self.network.log_probabilities(sources, targets)
        return [torch.tensor(each) for each in found]

    def texts(self, lines: Sequence[str], decoding: BeamSearch) -> list[Answer]:
        """Return what the network writes for each line, by the search of CTranslate2."""
        spec = honoured(self.spec.model_copy(update={"decoding": decoding}))
        sources, begun = given_tokens(spec, self.tokenizers, lines)
        found = CTranslate2Decoder(self.network, spec).decode(sources, prefixes=begun)
        return answers(spec, self.tokenizers[1], lines, begun, found)

    def honoured(self, decoding: BeamSearch) -> BeamSearch:
        """Return the decoding without the settings that its searches do not know."""
        found = honoured(self.spec.model_copy(update={"decoding": decoding})).decoding
        assert isinstance(found, BeamSearch)
        return found


def _vocabularies(spec: Spec, source: Tokenizer, target: Tokenizer) -> dict[str, Vocabulary]:
    """Return the vocabularies of the sides, one object for one vocabulary."""
    if source is target:
        return dict.fromkeys(("source", "target"), vocabulary_of(spec, source))
    return {
        "source": vocabulary_of(spec, source, "source"),
        "target": vocabulary_of(spec, target, "target"),
    }
