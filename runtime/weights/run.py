"""Runs that begin with weights from elsewhere; those of foreign weights were not trained here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from compiler.spec.spec import Spec
from runtime.checkpoints.checkpoint import Batching, Content, Identity, Machine, write_checkpoint
from runtime.checkpoints.progress import Progress
from runtime.data.tasks.classification import write_labels
from runtime.data.tokenizers.sentencepiece import SentencePieceTokenizer
from runtime.data.tokenizers.tokenizer import Tokenizer, save_tokenizers
from runtime.errors import UserError
from runtime.package import Package
from runtime.run import Beginning, Run
from runtime.run_record import IMPORTED, PUBLISHED
from runtime.weights.files import Tensors


def create_run(
    folder: Path,
    package: Package,
    weights: Tensors,
    tokenizers: tuple[Tokenizer, Tokenizer],
    files: Sequence[Path],
) -> Run:
    """A run that can translate and be scored, but not go on: its checkpoint is that of step 0."""
    beginning = Beginning(
        origin={IMPORTED: [file.name for file in files]},
        write_checkpoint=lambda place: write_first(place, package, weights, is_interim=False),
    )
    return Run.begin(folder, package, lambda place: save_tokenizers(*tokenizers, place), beginning)


def create_published(
    folder: Path,
    package: Package,
    weights: Tensors,
    tokenizers: tuple[Tokenizer, Tokenizer],
    labels: list[str],
    about: Mapping[str, object],
    files: Mapping[str, bytes],
) -> Run:
    """Create the run of a published model, which can be used, and trained on with a text.

    `labels` are those of a classifier; `about` is what `run.json` says of the model, `files` are
    further files of the run.
    """

    def write_tokenizers(place: Path) -> None:
        save_tokenizers(*tokenizers, place)
        if labels:
            write_labels(labels, place)

    beginning = Beginning(
        origin={PUBLISHED: dict(about)},
        write_checkpoint=lambda place: write_first(place, package, weights, is_interim=False),
        files=files,
    )
    return Run.begin(folder, package, write_tokenizers, beginning)


def write_first(place: Path, package: Package, weights: Tensors, *, is_interim: bool) -> None:
    """The checkpoint of a run before its first update."""
    training = package.spec.training
    content = Content(
        identity=Identity.of(package.spec),
        progress=Progress(),
        metric=training.validation.metric,
        batching=Batching.of(training),
        metrics_bytes=0,
        machine=Machine.here(torch.device("cpu"), processes=1),
        weights=weights,
        training_state={},
    )
    write_checkpoint(place, content, is_interim=is_interim)


def read_tokenizers(files: Sequence[Path], spec: Spec) -> tuple[Tokenizer, Tokenizer]:
    """Reads the tokenizers of source and target, the same object for a shared vocabulary.

    Raises a UserError unless there is one for each vocabulary, with a row for each piece.
    """
    vocabulary = spec.model.vocabulary
    settings = ("size",) if vocabulary.shared else ("source", "target")
    if len(files) != len(settings):
        raise UserError(
            f"{spec.name} has {len(settings)} vocabular{'y' if vocabulary.shared else 'ies'}, "
            f"and --tokenizer is given {len(files)} times",
            help="once for a shared vocabulary, else first that of the source",
        )
    rows = [(f"model.vocabulary.{each}", getattr(vocabulary, each)) for each in settings]
    found = [_read(file, *each) for file, each in zip(files, rows, strict=True)]
    return found[0], found[-1]


def _read(file: Path, setting: str, rows: int) -> Tokenizer:
    tokenizer = SentencePieceTokenizer.read(file)
    if tokenizer.size != rows:
        raise UserError(
            f"{file} has {tokenizer.size:,} pieces, and {setting} is {rows:,}",
            help="model and tokenizer must belong together",
        )
    return tokenizer
