"""Finds the texts that `evaluate` scores: those of the spec, or of the command line."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.source.diagnostic import Rejected
from compiler.source.node import Mapping, Node, Scalar, Sequence
from compiler.source.read import read_from
from compiler.source.span import Source
from compiler.spec.data import PLACES, Corpus
from compiler.spec.extend import read_extended
from compiler.spec.load import resolve
from compiler.spec.lock import LOCK
from compiler.spec.overrides import nested
from compiler.spec.spec import Spec
from compiler.spec.tasks import TASKS
from runtime.command.output import report
from runtime.errors import UserError

if TYPE_CHECKING:
    from runtime.run import Run

GIVEN = "given"

Tests = Annotated[
    list[str] | None,
    typer.Option(
        "--test",
        metavar="NAME|CORPUS",
        help="A test set of the spec, or another text: '{source: a.en, target: a.de}'. May be "
        "given several times.  [default: all test sets of the spec]",
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Where the text lies, if it has moved."),
]


def scored_texts(
    run: "Run", split: str | None, tests: list[str], data: Path | None
) -> tuple["Run", list[str]]:
    """The run, whose spec has all texts to be scored, and the names of these texts.

    Raises a UserError if there is nothing to score, or a text has changed since the run began, and
    `Rejected` for a corpus that is not valid.
    """
    spec = with_data_folder(run, data).package.spec
    if split is not None and tests:
        raise UserError("--split and --test both name what is scored", help="give one of them")
    names = [split] if split == "valid" else [] if tests else list(spec.data.test_sets)
    for each in tests:
        name = each
        if each not in spec.data.test_sets:
            spec, name = _with_corpus(run, spec, each)
        names.append(name)
    if not names:
        raise UserError(
            f"the spec of {run.folder} has no test set",
            help=f"{_form(spec)} scores a text; --split valid scores the validation set",
        )
    run = replace(run, package=replace(run.package, spec=spec))
    for name in names:
        run.check_text(name)
    return run, list(dict.fromkeys(names))


def with_data_folder(run: "Run", data: Path | None) -> "Run":
    """Return a run whose text lies in another folder, if one is given."""
    if data is None:
        return run
    spec = _with_data(run.package.spec, folder=str(data))
    return replace(run, package=replace(run.package, spec=spec))


def _form(spec: Spec) -> str:
    return f"--test '{TASKS[spec.task].example}'"


def _with_data(spec: Spec, **update: object) -> Spec:
    return spec.model_copy(update={"data": spec.data.model_copy(update=update)})


def _with_corpus(run: "Run", spec: Spec, text: str) -> tuple[Spec, str]:
    """The spec with one more test set, which is given as YAML, and the name of that set.

    The name has a digest of the files, so that no two texts share the files of their scores.
    """
    corpus = _read_corpus(run, spec, text)
    given = _with_data(spec, tests={GIVEN: corpus})
    from runtime.data.files import MissingText, heading
    from runtime.data.prepare import digests_of

    try:
        digests = digests_of(given, GIVEN)
    except MissingText as error:
        help = f"the paths of --test start from the current folder, {Path.cwd()}"
        raise UserError(str(error), help=help) from None
    if warning := heading(corpus, spec.data.folder):
        report(warning)
    stem = re.sub(r"[^A-Za-z0-9_-]", "-", digests[0][0].name.partition(".")[0]).strip("-")
    whole = hashlib.sha256("".join(digest for _, digest in digests).encode()).hexdigest()
    name = f"{stem[:40] or 'text'}-{whole[:8]}"
    return _with_data(spec, tests={**(spec.data.tests or {}), name: corpus}), name


def _read_corpus(run: "Run", spec: Spec, text: str) -> Corpus:
    """Reads a corpus. Raises a UserError if it does not begin as one, `Rejected` if it is wrong."""
    source = Source(name="--test", text=text)
    if not text.lstrip().startswith("{"):
        names = ", ".join(f"`{each}`" for each in spec.data.test_sets) or "none"
        raise UserError(
            f"--test {text}: the spec of {run.folder} has no test set of this name",
            help=f"its test sets: {names}; another text is given as {_form(spec)}",
        )
    node = read_from(source, 0)
    assert isinstance(node, Mapping)  # since it begins with a brace
    files = {key: _absolute(each) for key, each in node.entries.items() if key in PLACES}
    try:
        return _resolved(run, replace(node, entries={**node.entries, **files}))
    except Rejected:
        _resolved(run, node)  # what is wrong is told with the paths as they were written
        raise


def _resolved(run: "Run", node: Mapping) -> Corpus:
    """Return the corpus of a tree as the spec of a run has it. Raises `Rejected` if it cannot."""
    lock = read_extended(str(run.package.folder / LOCK))
    change = nested(f"data.tests.{GIVEN}", node, node.span)
    tests = resolve(lock, [change]).spec.data.tests
    assert tests is not None
    return tests[GIVEN]


def _absolute(paths: Node) -> Node:
    """Return paths that start from the current folder, not from that of the spec."""
    match paths:
        case Sequence(items=items):
            return replace(paths, items=tuple(map(_absolute, items)))
        case Scalar(value=str(path)):
            return replace(paths, value=str(Path.cwd() / path))
        case _:
            return paths
