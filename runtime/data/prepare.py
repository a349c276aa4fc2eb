"""Text files of a spec -> tokenizers and tokenised corpora, made once and kept in a cache.

An entry of the cache is a folder named by a hash of all that its content depends on: the bytes of
the files, `data:` and the vocabulary of the spec, and the versions of what made it.
"""

import errno
import fcntl
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
from runtime.data.corpora import PARTS, Report, longest_sentence, write_corpora
from runtime.data.files import corpus_files
from runtime.data.pairs import Pairs, load_pairs
from runtime.data.tokenizer import Tokenizer, load_tokenizer
from runtime.durable import new_folder, remove_unfinished
from runtime.errors import UserError

__all__ = ["Pairs", "Prepared", "load_prepared", "prepare"]

FORMAT = 1
"""Of the entries; raise it when what is written, or how text becomes tokens, changes."""

FACTS = "facts.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The data of a spec, ready for training."""

    folder: Path
    source: Tokenizer
    target: Tokenizer
    """The same object as `source` if the vocabulary is shared."""
    train: Pairs
    valid: Pairs
    test: Pairs
    facts: tuple[str, ...]
    """What was read and what was left out, a line each."""


def prepare(spec: Spec, cache: Path, *, report: Report) -> Prepared:
    """The data of a spec, from the cache or made now, with a report in single lines.

    Any number of processes may do so at once: one makes the entry, the others wait for it.
    Raises a UserError if the text will not do or the cache cannot be written.
    """
    folder = cache / entry_name(spec)
    if folder.is_dir():
        report(f"prepared text from {folder}")
    else:
        report(f"preparing text into {folder}")
        _make(spec, folder)
    prepared = load_prepared(folder)
    for fact in prepared.facts:
        report(fact)
    _report_oversized(spec, prepared.train, report)
    return prepared


def load_prepared(folder: Path) -> Prepared:
    """An entry of the cache. Raises a UserError if it is damaged."""
    source = load_tokenizer(folder / "source")
    separate = (folder / "target").is_dir()
    train, valid, test = (load_pairs(folder / part) for part in PARTS)
    return Prepared(
        folder=folder,
        source=source,
        target=load_tokenizer(folder / "target") if separate else source,
        train=train,
        valid=valid,
        test=test,
        facts=tuple((folder / FACTS).read_text(encoding="utf-8").splitlines()),
    )


def entry_name(spec: Spec) -> str:
    """The hash of everything that the entry of a spec depends on. It reads all files."""
    content = {
        "format": FORMAT,
        "files": {part: _digests(getattr(spec.data, part), spec.data.folder) for part in PARTS},
        "columns": {part: _columns(getattr(spec.data, part)) for part in PARTS},
        "tokenizer": spec.data.tokenizer.model_dump(),
        "vocabulary": spec.model.vocabulary.model_dump(),
        "longest": longest_sentence(spec),
    }
    if spec.data.tokenizer.kind == "sentencepiece":
        content["sentencepiece"] = importlib.metadata.version("sentencepiece")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _columns(corpus: Corpus) -> dict[str, int]:
    return corpus.model_dump(include={"source_column", "target_column"})


def _digests(corpus: Corpus, folder: str) -> list[str]:
    return [_digest(path) + path.suffix for path in corpus_files(corpus, folder)]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error


def _make(spec: Spec, folder: Path) -> None:
    with _explained(folder.parent), _alone(folder.parent):
        if folder.is_dir():  # another process was faster
            return
        remove_unfinished(folder.parent)
        with new_folder(folder) as unfinished:
            facts: list[str] = []
            write_corpora(spec, unfinished, facts.append)
            lines = "".join(f"{fact}\n" for fact in facts)
            (unfinished / FACTS).write_text(lines, encoding="utf-8")


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Lets one process at a time into the cache; the system ends the lock of one that is killed."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _explained(cache: Path) -> Iterator[None]:
    """Turns a disk that is full, or may not be written to, into a message for people."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        problem = "the disk is full" if full else error.strerror
        raise UserError(
            f"prepared text cannot be written to {cache}: {problem}",
            help="free some space, or choose another folder for the cache",
        ) from error


def _report_oversized(spec: Spec, train: Pairs, report: Report) -> None:
    tokens = spec.training.micro_batch_tokens
    if oversized := np.count_nonzero(train.sizes > tokens):
        report(f"train: {oversized:,} pairs larger than a batch of {tokens:,} tokens are left out")
