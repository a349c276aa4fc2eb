"""What an engine of a benchmark can do, and what it is given to do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol, cast

from benchmarks.architecture import Architecture
from runtime.data.sentences import Indices
from runtime.system.process import keep_freed_memory

RATE = 1e-4
"""The learning rate of all updates: low, so that nothing diverges while the clock runs."""

LABEL_SMOOTHING = 0.1
BETAS, EPS = (0.9, 0.98), 1e-9

LIBRARIES = {
    "ours": "torch",
    "marian": "transformers",
    "torch_transformer": "torch",
    "x_transformers": "x_transformers",
    "ctranslate2": "ctranslate2",
}
"""What each engine imports."""

TRAINING_ENGINES = ("ours", "marian", "torch_transformer", "x_transformers")
DECODING_ENGINES = ("ours", "marian", "ctranslate2")


Precision = Literal["float32", "bfloat16"]
AttentionForm = Literal["fused", "written out", "chosen by the library"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network for all engines: they begin with the same weights, on the same device."""

    package: Path
    """The generated package."""
    weights: Path
    """Safetensors, by our names."""
    pairs: Path
    """A tokenised corpus: what `loss` and `train` count their rows in."""
    architecture: Architecture
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """A way to train with an engine."""

    precision: Precision = "float32"
    """The type of matrix products under autocast; weights are float32."""
    attention: AttentionForm = "fused"
    """The library's fused attention, its switch for attention that is written out, or no switch."""
    is_compiled: bool = False
    """Whether the network goes through torch.compile."""
    keeps_memory: bool = True
    """Whether peers keep freed memory, as our commands do, or leave it to the C library."""

    def __str__(self) -> str:
        program = "compiled" if self.is_compiled else "eager"
        return f"{self.precision}, attention {self.attention}, {program}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How an engine decodes; scores are divided by the number of tokens, END included."""

    beam: int
    shortest: int
    """The fewest tokens of a translation, END not counted."""
    longest: int
    batch_sentences: int
    workers: int
    """How many one-thread workers share the sentences."""
    is_int8: bool = False
    is_bfloat16: bool = False
    stops_early: bool = True
    """Whether a search ends once `beam` hypotheses are finished, which is faster."""


class Engine(Protocol):
    """A network with a library's way to run it."""

    def loss(self, batches: Sequence[Indices]) -> float:
        """Plain cross-entropy in nats a target token over rows of the corpus; without dropout, in

        float32 whatever the training has.
        """


class TrainingEngine(Engine, Protocol):
    """Trains the network."""

    def train(self, batches: Sequence[Indices]) -> None:
        """One update from each batch, all done when this returns."""

    def rest(self) -> None:
        """Gives back the memory that it needs while it trains alone."""

    def peak_memory(self) -> int:
        """The most bytes held so far: of the process, or on its GPU."""


class DecodingEngine(Engine, Protocol):
    """Translates with the network."""

    def decode(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """The best translation of each sentence; tokens without END on both sides."""

    def close(self) -> None:
        """Ends its workers."""


def open_training(engine: str, network: Network, practice: Practice) -> TrainingEngine:
    """The engine of this name, and no library but its own.

    Unless the practice says otherwise, peers get the memory settings of our commands, too.
    """
    if engine == "ours" or practice.keeps_memory:
        keep_freed_memory()
    return cast(TrainingEngine, _module(engine).Training(network, practice))


def open_decoding(engine: str, network: Network, search: Search) -> DecodingEngine:
    """The engine of this name, and no library but its own; memory as in training."""
    keep_freed_memory()
    return cast(DecodingEngine, _module(engine).Decoding(network, search))


class _Module(Protocol):
    """A file of this folder."""

    def Training(self, network: Network, practice: Practice, /) -> object: ...  # noqa: N802

    def Decoding(self, network: Network, search: Search, /) -> object: ...  # noqa: N802


def _module(engine: str) -> _Module:
    return cast(_Module, import_module(f"benchmarks.engines.{engine}"))
