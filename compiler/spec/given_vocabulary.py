"""The rows of a vocabulary that is not learned: its tokenizer says how many there are."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Node
from compiler.spec.data_files import matching, root_of
from compiler.spec.paths import as_written, at, note
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from compiler.vocabulary.foreign import ForeignVocabulary, NoVocabulary, read_vocabulary

USUAL_ROWS = 32000


def rows_of_tokenizer(spec: Spec) -> int | None:
    """Return the rows that the tokenizer of a spec has; None if it learns as many as it is told.

    Raises NoVocabulary, in words that follow the name of the file, if it cannot be read.
    """
    tokenizer, symbols = spec.data.tokenizer, TASKS[spec.task].symbols
    if (fixed := tokenizer.rows(symbols)) is not None:
        return fixed
    if (path := file_of_tokenizer(spec)) is None:
        return None
    own = getattr(tokenizer, "symbols", None)
    names = own.model_dump(exclude_none=True) if own else {}
    try:
        about = path.stat()
        version = (about.st_mtime_ns, about.st_size)
        has_merges = getattr(tokenizer, "merges", None) is not None
        vocabulary = _read(path, tokenizer.kind, tuple(names.items()), has_merges, version)
    except OSError as error:
        raise NoVocabulary(f"cannot be read: {error.strerror}") from error
    return len(vocabulary.rows(symbols))


def missing_rows(spec: Spec, root: Node, key: str) -> Diagnostic | None:
    """Return what is wrong with a vocabulary whose rows the spec does not say; None if they follow.

    They follow from a tokenizer that is not learned.
    """
    path = ("model", "vocabulary")
    try:
        if rows_of_tokenizer(spec) is not None:
            return None
        why = ""
    except NoVocabulary as error:
        file = file_of_tokenizer(spec)
        if file is not None and file.exists():
            return _unreadable(file, error, root)
        why = f"{file} {error}. Without it the size must be written: "
    settings = spec.model.vocabulary
    kind = "shared" if settings.shared else "separate"
    rows = settings.size or settings.source or settings.target or USUAL_ROWS
    help = f"write `{key}: {rows}` below `model.vocabulary`"
    if spec.data.tokenizer.kind == "characters":
        help = (
            f"write `{key}: N` below `model.vocabulary`: a row for each different character of "
            f"the text and {TASKS[spec.task].symbols} for symbols; `train` says how many the text "
            "has where N is too large"
        )
    return Diagnostic(
        code="missing-key",
        message=f"{why}`model.vocabulary.{key}` is missing: the rows of a {kind} vocabulary",
        span=at(root, *path),
        notes=note("the tokenizer", root, "data", "tokenizer", "file") if why else (),
        help=help,
    )


def _unreadable(path: Path, error: NoVocabulary, root: Node) -> Diagnostic:
    """Return what is wrong with a file that is there, and holds no tokenizer of its kind."""
    return Diagnostic(
        code="other-vocabulary",
        message=f"{path} {error}",
        span=at(root, "data", "tokenizer", "file"),
        help="name a file of the kind that `data.tokenizer` says",
    )


def other_rows(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Yield sizes that are not those of the tokenizer, if that is not learned and can be read."""
    vocabulary = spec.model.vocabulary
    try:
        rows = rows_of_tokenizer(spec)
    except NoVocabulary as error:
        path = file_of_tokenizer(spec)
        if path is not None and path.exists():  # it may lie on the machine that trains
            yield _unreadable(path, error, root)
        return
    for key in ("size",) if vocabulary.shared else ("source", "target"):
        if rows is not None and (size := getattr(vocabulary, key)) != rows:
            name = file_of_tokenizer(spec) or f"`kind: {spec.data.tokenizer.kind}`"
            place = at(root, "model", "vocabulary", key)
            yield Diagnostic(
                code="other-vocabulary",
                message=f"`{key}` is {size:,}, and {name} has {rows:,} rows, symbols included",
                span=place,
                notes=note("the tokenizer", root, "data", "tokenizer"),
                help=f"write {as_written(place, f'model.vocabulary.{key}', rows)}, or leave it out",
            )


def file_of_tokenizer(spec: Spec) -> Path | None:
    """Return the file that the tokenizer of a spec is read from, if it is not learned."""
    name = getattr(spec.data.tokenizer, "file", None)
    if name is None:
        return None
    try:
        folder = root_of(spec.data.folder)
    except RuntimeError:  # `~USER` of a user of another machine
        return Path(spec.data.folder, name)
    found = matching(name, folder)
    return found[0] if len(found) == 1 else folder / name


@lru_cache(maxsize=16)
def _read(
    path: Path,
    kind: str,
    names: tuple[tuple[str, str], ...],
    has_merges: bool,
    _version: tuple[int, int],
) -> ForeignVocabulary:
    return read_vocabulary(path, kind, dict(names), has_merges=has_merges)
