"""Text files of a spec -> tokenizers and tokenised corpora, made once and kept in a cache.

An entry of the cache is a folder named by a hash of all that its content depends on: the bytes of
the files, `data:` and the vocabulary of the spec, and the versions of what made it.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.spec.data import Corpus
from compiler.spec.spec import Spec
from runtime.data.examples import Examples
from runtime.data.files import corpus_files
from runtime.data.sentencepiece_tokenizer import LONGEST
from runtime.data.tasks import task_of
from runtime.data.tasks.task import Report, longest_sentence, read_part
from runtime.data.tokenizer import Tokenizer, load_tokenizers, tokenizer_files
from runtime.durable import FULL, new_folder, remove_unfinished
from runtime.errors import UserError
from runtime.holding import wait_for_lock

PARTS = ("train", "valid", "test")

FORMAT = 2
"""Of the entries; raise it when what is written, or how text becomes tokens, changes."""

FACTS, TOKENIZERS = "facts.txt", "tokenizers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The data of a spec, ready for training."""

    folder: Path
    source: Tokenizer
    target: Tokenizer
    """The same object as `source` if there is one vocabulary."""
    train: Examples
    valid: Examples
    test: Examples
    facts: tuple[str, ...]
    """What was read and what was left out, a line each."""


def prepare(
    spec: Spec,
    cache: Path,
    *,
    report: Report,
    tokenizers: Path | None = None,
    entry: str | None = None,
) -> Prepared:
    """The data of a spec, from the cache or made now, with a report in single lines.

    With those `tokenizers`, of another run, or else with some that are learned from its text. Who
    has computed the name of the `entry` already gives it, since that reads all files.
    Any number of processes may do so at once: one makes the entry, the others wait for it.
    Raises a UserError if the text will not do or the cache cannot be written.
    """
    folder = cache / (entry or entry_name(spec, tokenizers))
    if folder.is_dir():
        report(f"prepared text from {folder}")
    else:
        report(f"preparing text into {folder}")
        _make(spec, folder, tokenizers)
    prepared = load_prepared(spec, folder)
    for fact in prepared.facts:
        report(fact)
    _report_oversized(spec, prepared.train, report)
    return prepared


def load_prepared(spec: Spec, folder: Path) -> Prepared:
    """The entry of a spec in the cache. Raises a UserError if it is damaged."""
    source, target = load_tokenizers(folder / TOKENIZERS)
    task = task_of(spec)
    train, valid, test = (task.load(folder / part) for part in PARTS)
    return Prepared(
        folder=folder,
        source=source,
        target=target,
        train=train,
        valid=valid,
        test=test,
        facts=tuple((folder / FACTS).read_text(encoding="utf-8").splitlines()),
    )


def entry_name(spec: Spec, tokenizers: Path | None = None) -> str:
    """The hash of everything that the entry of a spec depends on. It reads all files."""
    content = {
        "format": FORMAT,
        "files": file_digests(spec),
        "columns": {part: _columns(getattr(spec.data, part)) for part in PARTS},
        "tokenizer": spec.data.tokenizer.model_dump(),
        "vocabulary": spec.model.vocabulary.model_dump(),
        "task": spec.task,
        "classes": spec.model.classifier and spec.model.classifier.classes,
        "longest": longest_sentence(spec),
    }
    if tokenizers is not None:
        content["tokenizers"] = [_digest(path) for path in tokenizer_files(tokenizers)]
    if spec.data.tokenizer.kind == "sentencepiece":
        version = importlib.metadata.version("sentencepiece")
        content["sentencepiece"] = [version, LONGEST] if tokenizers is None else version
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def file_digests(spec: Spec) -> dict[str, list[str]]:
    """The SHA-256 of each file of each part, with the end of its name. It reads all files."""
    return {part: _digests(getattr(spec.data, part), spec.data.folder) for part in PARTS}


def _columns(corpus: Corpus) -> dict[str, int]:
    columns = {"source_column", "target_column", "text_column", "label_column"}
    return corpus.model_dump(include=columns)


def _digests(corpus: Corpus, folder: str) -> list[str]:
    return [_digest(path) + path.suffix for path in corpus_files(corpus, folder)]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _make(spec: Spec, folder: Path, tokenizers: Path | None) -> None:
    with _explained(folder.parent), _alone(folder.parent):
        if folder.is_dir():  # another process was faster
            return
        remove_unfinished(folder.parent)
        with new_folder(folder) as unfinished:
            facts: list[str] = []
            _write(spec, unfinished, tokenizers, facts.append)
            lines = "".join(f"{fact}\n" for fact in facts)
            (unfinished / FACTS).write_text(lines, encoding="utf-8")


def _write(spec: Spec, folder: Path, given: Path | None, report: Report) -> None:
    """Tokenizers and examples into an existing folder; reports a line on each part."""
    # All files are read before the slow work begins, so that a flaw in the last one shows at once.
    counts = {part: sum(1 for _ in read_part(spec, part)) for part in PARTS}
    task, tokenizers = task_of(spec), folder / TOKENIZERS
    if given is None:
        task.learn(counts["train"], tokenizers, report)
    else:
        task.adopt(given, tokenizers)
    for part in PARTS:
        report(task.write(part, tokenizers, folder / part))


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Lets one process at a time into the cache; the system ends the lock of one that is killed."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("ab") as file:
        wait_for_lock(file.fileno())
        yield


@contextmanager
def _explained(cache: Path) -> Iterator[None]:
    """Turns a disk that is full, or may not be written to, into a message for people."""
    try:
        yield
    except OSError as error:
        problem = "the disk is full" if error.errno in FULL else error.strerror
        raise UserError(
            f"prepared text cannot be written to {cache}: {problem}",
            help="free some space, or choose another folder for the cache",
        ) from error


def _report_oversized(spec: Spec, train: Examples, report: Report) -> None:
    tokens, unit = spec.training.micro_batch_tokens, train.unit
    if oversized := np.count_nonzero(train.sizes > tokens):
        report(
            f"train: {oversized:,} {unit}s larger than a batch of {tokens:,} tokens are left out"
        )
