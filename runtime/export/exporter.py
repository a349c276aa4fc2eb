"""The protocol of exporters: they write a folder, and open it with the library of its format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

from compiler.spec.decoding import BeamSearch
from runtime.errors import UserError
from runtime.export.source import Exportable

Rows = Sequence[Sequence[int]]
"""Texts as the run's tokens, by the numbers of the run's vocabulary, without BEGIN and END."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices of the user that a format may offer."""

    quantize: str | None = None
    """The type of the weights, such as `int8`; by default they stay in float32."""
    compiled: bool = False
    """Whether programs are compiled for the processor of this machine, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The words on a folder that was written."""

    title: str
    """The network in words of the format: `PegasusForConditionalGeneration`."""
    files: tuple[str, ...] = ()
    """What lies in the folder, a line each: of graphs their inputs and outputs."""
    converted: tuple[str, ...] = ()
    """Settings that became other numbers or other settings, a line each."""
    unsupported: tuple[str, ...] = ()
    """Settings that the format does not know, a line each, with what stands in their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A text that a network has written for a line."""

    text: str
    """A translation; of a language model, the tokens of the prompt and of its continuation."""
    tokens: tuple[int, ...]
    """The new tokens, by the numbers of the run's vocabulary, without END."""


@runtime_checkable
class ExportedDecoder(Protocol):
    """An exported network that writes texts, opened by the library of its format."""

    def log_probabilities(self, sources: Rows | None, targets: Rows) -> list[Tensor]:
        """Return for each target the log-probabilities of its tokens and of END [tokens + 1].

        A language model has no sources.
        """

    def texts(self, lines: Sequence[str], decoding: BeamSearch) -> list[Answer]:
        """Return what the network writes for each line of text.

        The lines are cut into tokens by the format's own tokenizer, if it has one. A format that
        does not know a setting of `decoding` decodes without it.
        """

    def honoured(self, decoding: BeamSearch) -> BeamSearch:
        """Return the decoding without the settings that the format does not know.

        Its greedy search must write the texts that the run's own network writes by it.
        """


@runtime_checkable
class ExportedEncoder(Protocol):
    """An exported network without a decoder, opened by the library of its format."""

    def outputs(self, texts: Rows) -> list[Tensor]:
        """Return what the network makes of each text.

        Of a masked language model these are logits [tokens + 2, vocabulary] of the tokens between
        BEGIN and END; of a classifier logits [classes]; of an embedding model a vector [width].
        """


Exported = ExportedDecoder | ExportedEncoder


class Exporter(Protocol):
    """One way to export: a format of `compiler.export.targets`, and all that writes it."""

    @property
    def name(self) -> str:
        """The name of the format's table: `huggingface-native`."""

    @property
    def libraries(self) -> Mapping[str, str]:
        """The modules that it needs, each with the name that `pip install` takes."""

    @property
    def quantizations(self) -> tuple[str, ...]:
        """The types of weights, other than float32, that it can write."""

    @property
    def is_compilable(self) -> bool:
        """True if its programs can be compiled for the processor of a machine."""

    def write(self, exportable: Exportable, folder: Path, options: Options) -> Written:
        """Write all files into an empty folder, and say what was written."""

    def load(self, folder: Path, exportable: Exportable) -> Exported:
        """Open such a folder with the library of the format."""


def require_libraries(exporter: Exporter) -> None:
    """Raise a UserError that names the libraries that are missing, if any is."""
    missing = [name for name, _ in exporter.libraries.items() if find_spec(name) is None]
    if missing:
        packages = dict.fromkeys(exporter.libraries[each] for each in missing)
        raise UserError(
            f"an export to {exporter.name} needs {' and '.join(packages)}: a folder is compared "
            "with the run before it is there",
            help=f"pip install {' '.join(packages)}",
        )
    for name in exporter.libraries:
        if reason := why_not_imported(name):
            raise UserError(
                reason, help=f"pip install --force-reinstall {exporter.libraries[name]}"
            )


def why_not_imported(library: str) -> str | None:
    """Return the reason for which an installed library cannot be imported, if there is one."""
    try:
        import_module(library)
    except Exception as error:
        return f"{library} is installed and cannot be imported: {error}"
    return None


def require_compiler(exporter: Exporter, options: Options) -> None:
    """Raise a UserError where programs are to be compiled and an exporter writes none."""
    if options.compiled and not exporter.is_compilable:
        raise UserError(
            f"--aot: an export to {exporter.name} has no programs that could be compiled",
            help="leave it out, or give --to torch",
        )


def require_quantization(exporter: Exporter, options: Options) -> None:
    """Raise a UserError for a type of weights that an exporter cannot write."""
    if options.quantize is not None and options.quantize not in exporter.quantizations:
        known = " or ".join(exporter.quantizations)
        raise UserError(
            f"--quantize {options.quantize}: an export to {exporter.name} has no such weights",
            help=f"give {known}" if known else "leave it out: the weights stay in float32",
        )
