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
from itertools import chain
from pathlib import Path

import numpy as np

from compiler.spec.data import Corpus
from compiler.spec.spec import Spec
from compiler.spec.tokenizer import settings_of_tokens
from runtime.data.batches import Examples
from runtime.data.checksummed import DamagedEntry, check_sums, is_sound, write_sums
from runtime.data.files import corpus_files, heading
from runtime.data.lines import expecting, file_digest
from runtime.data.resegmented import resegmented
from runtime.data.tasks import task_of
from runtime.data.tasks.task import Report, keeps_all, longest_sentence
from runtime.data.tokenising import sharing
from runtime.data.tokenizers.given import given_files
from runtime.data.tokenizers.hugging_face_library import library
from runtime.data.tokenizers.sentencepiece import LONGEST
from runtime.data.tokenizers.tokenizer import Tokenizer, load_tokenizers, tokenizer_files
from runtime.errors import UserError
from runtime.system.atomic_files import FULL, new_folder, remove, remove_unfinished
from runtime.system.file_lock import wait_for_lock

FORMAT = 2
"""The version of tokenisation; raise it when that changes: no earlier run can go on then."""

LAYOUT = 3
"""The version of an entry's files; raise it when they change, or are learned in another way.

Entries are then made anew. Earlier runs go on with their own tokenizers.
"""

FACTS, TOKENIZERS = "facts.txt", "tokenizers"

FileDigests = list[tuple[Path, str]]
Digests = dict[str, FileDigests]
"""The SHA-256 of each file of each part of the data, in the order in which they are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The data of a spec, ready for training."""

    folder: Path
    source: Tokenizer
    target: Tokenizer
    """The same object as `source` if there is one vocabulary."""
    train: Examples
    valid: Examples
    tests: dict[str, Examples]
    """The test sets by their names: any number, also none."""
    digests: Digests
    facts: tuple[str, ...]
    """What was read and what was left out, a line each."""

    @property
    def entry(self) -> str:
        """The hash of all that the text depends on, which a run records."""
        return entry_of(self.folder)


def prepare(
    spec: Spec,
    cache: Path,
    *,
    report: Report,
    tokenizers: Path | None = None,
    digests: Digests | None = None,
    processes: int | None = None,
) -> Prepared:
    """The data of a spec, from the cache or made now, with a report in single lines.

    The `tokenizers` are those of another run, or else are learned from the text. A caller that has
    already computed the `digests` of the files passes them, since that reads all files. Text is
    tokenised by so many `processes`, by default as many as pay; what is written is the same.
    Any number of processes may do so at once: one makes the entry, the others wait for it. A
    damaged entry is made anew. Raises a UserError if the text cannot be used or the cache cannot
    be written.
    """
    digests = file_digests(spec) if digests is None else digests
    folder = cache / f"{entry_name(spec, digests, tokenizers)}-{LAYOUT}"
    if folder.is_dir():
        report(f"prepared text from {folder}")
    else:
        report(f"preparing text into {folder}")
        _make(spec, folder, tokenizers, digests, report, processes)
    try:
        prepared = load_prepared(spec, folder, digests)
    except DamagedEntry:
        report(f"that text is damaged: preparing it anew into {folder}")
        _make(spec, folder, tokenizers, digests, report, processes)
        prepared = load_prepared(spec, folder, digests)
    _report_shared_text(spec, digests, report)
    for fact in prepared.facts:
        report(fact)
    _report_oversized(spec, prepared.train, report)
    return prepared


def load_prepared(spec: Spec, folder: Path, digests: Digests) -> Prepared:
    """The entry of a spec in the cache. Raises DamagedEntry if it is not as it was written."""
    check_sums(folder)
    source, target = load_tokenizers(folder / TOKENIZERS)
    task = task_of(spec)
    parts = {part: task.load(folder / _place(part)) for part in spec.data.corpora}
    return Prepared(
        folder=folder,
        source=source,
        target=target,
        train=resegmented(parts.pop("train"), spec, source, target),
        valid=parts.pop("valid"),
        tests=parts,
        digests=digests,
        facts=tuple((folder / FACTS).read_text(encoding="utf-8").splitlines()),
    )


def entry_name(spec: Spec, digests: Digests, tokenizers: Path | None = None) -> str:
    """The hash of everything that the entry of a spec depends on; not of the places of files."""
    corpora = spec.data.corpora
    files = {part: [digest + path.suffix for path, digest in digests[part]] for part in corpora}
    content = {
        "format": FORMAT,
        "files": files,
        "columns": {part: _columns(corpus) for part, corpus in corpora.items()},
        "tokenizer": settings_of_tokens(spec.data.tokenizer),
        "vocabulary": spec.model.vocabulary.model_dump(),
        "task": spec.task,
        "classes": spec.model.classifier and spec.model.classifier.classes,
        "longest": longest_sentence(spec),
    }
    if tokenizers is not None:
        content["tokenizers"] = [file_digest(path) for path in tokenizer_files(tokenizers)]
    elif given := digests_of_tokenizer(spec):
        content["tokenizers"] = [digest for _, digest in given]
    if spec.data.tokenizer.kind == "sentencepiece":
        version = importlib.metadata.version("sentencepiece")
        content["sentencepiece"] = [version, LONGEST] if tokenizers is None else version
    if spec.data.tokenizer.kind == "tokenizers":
        content["library"] = library().__version__
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def entry_of(folder: Path) -> str:
    """Return the name of an entry without the version of the layout, which follows a hyphen."""
    return folder.name.partition("-")[0]


def file_digests(spec: Spec) -> Digests:
    """The SHA-256 of each file of each part. It reads all files."""
    return {part: digests_of(spec, part) for part in spec.data.corpora}


def digests_of(spec: Spec, part: str) -> FileDigests:
    """The SHA-256 of each file of one part, in the order in which they are read."""
    files = corpus_files(spec.data.corpora[part], spec.data.folder)
    return [(path, file_digest(path)) for path in files]


def digests_of_tokenizer(spec: Spec) -> FileDigests:
    """The SHA-256 of each file that `data.tokenizer` names, and of those that are read beside."""
    files = given_files(spec.data.tokenizer, spec.data.folder)
    return [(path, file_digest(path)) for path in files]


def _columns(corpus: Corpus) -> dict[str, object]:
    columns = {"source_column", "target_column", "text_column", "label_column", "reference_columns"}
    running = {"running", "separator", "part"}
    return corpus.model_dump(include=columns | running, exclude_none=True)


def _place(part: str) -> Path:
    """The path of a part in an entry; authors name test sets, so these have a folder."""
    return Path("tests", part) if keeps_all(part) else Path(part)


def _make(
    spec: Spec,
    folder: Path,
    tokenizers: Path | None,
    digests: Digests,
    report: Report,
    processes: int | None,
) -> None:
    with _explained(folder.parent), _alone(folder.parent):
        if is_sound(folder):  # another process was faster
            return
        remove_unfinished(folder.parent)
        remove(folder)
        with new_folder(folder) as unfinished:
            facts: list[str] = []
            given = digests_of_tokenizer(spec) if tokenizers is None else []
            with expecting(dict(chain(given, *digests.values()))):
                _write(spec, unfinished, tokenizers, facts.append, report, processes)
            lines = "".join(f"{fact}\n" for fact in facts)
            (unfinished / FACTS).write_text(lines, encoding="utf-8")
            write_sums(unfinished)


def _write(
    spec: Spec,
    folder: Path,
    given: Path | None,
    report: Report,
    say: Report,
    processes: int | None,
) -> None:
    """Tokenizers and examples into an existing folder; reports a line on each part.

    `say` hears of the progress.
    """
    # All files are read before the slow work begins, so that a flaw in the last one shows at once.
    task, tokenizers = task_of(spec), folder / TOKENIZERS
    counts = {part: sum(1 for _ in task.rows(part)) for part in spec.data.corpora}
    for corpus in spec.data.corpora.values():
        if warning := heading(corpus, spec.data.folder):
            report(warning)
    if given is None:
        task.learn(counts["train"], tokenizers, report)
    else:
        task.adopt(given, tokenizers)
    (folder / "tests").mkdir()
    for part, lines in counts.items():
        with sharing(part, lines, say, processes):
            report(task.write(part, tokenizers, folder / _place(part)))


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


def _report_shared_text(spec: Spec, digests: Digests, report: Report) -> None:
    """Warns of a file that is both training text and scored: its score shows memorisation.

    The parts of one file do not overlap, as the check of the spec has it.
    """
    known = {digest: path for path, digest in digests["train"]}
    for part in digests.keys() - {"train"}:
        is_divided = getattr(spec.data.corpora[part], "part", None) is not None
        for path, digest in digests[part]:
            if digest in known and not (is_divided and path == known[digest]):
                report(
                    f"warning: data.{part} has the very text of data.train ({path}, "
                    f"{known[digest]}): its scores measure memorisation"
                )
