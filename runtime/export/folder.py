"""From a run to an exported folder, which is compared with the run before it is there."""

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from glob import escape
from pathlib import Path

from compiler.atomic_files import beside, held, put_folder
from compiler.export.target import Target
from compiler.export.targets import require_sayable
from compiler.source.diagnostic import Rejected
from compiler.spec.load import Loaded
from runtime.data.files import MissingText
from runtime.errors import UserError
from runtime.export.comparison import (
    SENTENCES,
    Comparison,
    Sentences,
    compare,
    draw_sentences,
    read_sentences,
)
from runtime.export.exporter import (
    Exported,
    Exporter,
    Options,
    Written,
    require_compiler,
    require_libraries,
    require_quantization,
)
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.run_record import PUBLISHED, version_of
from runtime.system.atomic_files import FULL, sync_tree
from runtime.system.process import ended_by_signals

RECORD = "export.json"
"""The file of an exported folder that tells how it was made and compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A folder that is there, what was written, and how far it is from the run."""

    folder: Path
    written: Written
    comparison: Comparison


def export_run(
    exportable: Exportable,
    target: Target,
    exporter: Exporter,
    out: Path,
    options: Options,
    *,
    sentences: int | None = SENTENCES,
    is_text_given: bool = False,
    force: bool = False,
) -> Done:
    """Write a folder in a format; it is there when it is right, or not at all.

    `sentences` of the validation set are compared, by default some, with None all; if
    `is_text_given`, a text that is not there is an error for a published model, too. Raises what
    `require_exportable` does, and a UserError for a folder that cannot be written, and a network
    that differs from the run's.
    """
    require_exportable(target, exporter, exportable.loaded, options)
    own = OwnNetwork.of(exportable)
    there = _sentences(exportable, own, sentences, is_text_given=is_text_given)
    with new_export(out, force=force) as folder:
        with _failing(exporter):
            written = exporter.write(exportable, folder, options)
            exported = exporter.load(folder, exportable)
        comparison = compared(exportable, exporter, own, exported, there, options)
        record = _record(exportable, exporter, options, written, comparison)
        text = json.dumps(record, indent=2, ensure_ascii=False)
        (folder / RECORD).write_text(text + "\n", "utf-8")
    return Done(folder=out, written=written, comparison=comparison)


def require_exportable(
    target: Target, exporter: Exporter, loaded: Loaded, options: Options
) -> None:
    """Check all that can be known before any weights are read.

    Raises `Rejected` for a spec that the format does not support, and a UserError for a missing
    library and for choices that the format does not offer.
    """
    require_sayable(target, loaded)
    require_quantization(exporter, options)
    require_compiler(exporter, options)
    require_libraries(exporter)


@contextmanager
def _failing(exporter: Exporter) -> Iterator[None]:
    """Raise a UserError where a library fails that writes a format, or opens it."""
    try:
        yield
    except (UserError, Rejected, OSError, MemoryError):
        raise
    except Exception as error:
        reason = next(iter(f"{error}".splitlines()), "")
        raise UserError(
            f"the export to {exporter.name} failed: {type(error).__name__}: {reason}",
            help="nothing was written; please report this with the spec and the versions of "
            + ", ".join(_versions(exporter)),
        ) from error


def compared(
    exportable: Exportable,
    exporter: Exporter,
    own: OwnNetwork,
    exported: Exported,
    sentences: Sentences,
    options: Options,
) -> Comparison:
    """Compare what was exported with the run's own network. Raises a UserError if it differs."""
    with _failing(exporter):
        found = compare(own, exported, sentences, is_rounded=options.quantize is not None)
    if found.wrong:
        raise UserError(
            f"the export to {exporter.name} is not the network of {exportable.run.folder}: "
            + "; ".join(found.wrong),
            help="nothing was written; please report this with the spec and the versions of "
            + ", ".join(_versions(exporter)),
        )
    return found


def _sentences(
    exportable: Exportable, own: OwnNetwork, count: int | None, *, is_text_given: bool
) -> Sentences:
    """Return the sentences to compare with; a published model without a text has drawn ones.

    Raises a UserError if there are none.
    """
    run = exportable.run
    try:
        found = read_sentences(exportable.spec, own, count)
    except MissingText:
        if PUBLISHED not in run.begun or is_text_given:
            raise
        if count is None:
            raise UserError(
                f"{run.folder} has no validation set whose sentences could all be compared",
                help="give a number, or name the folder of its text by --data",
            ) from None
        found = draw_sentences(exportable.spec, own, count)
    if not found.texts:
        raise UserError(
            f"the validation set of {run.folder} has no sentence to compare with",
            help="look at the files of data.valid",
        )
    return found


def _record(
    exportable: Exportable,
    exporter: Exporter,
    options: Options,
    written: Written,
    comparison: Comparison,
) -> dict[str, object]:
    """Return what is kept in the folder, which may be shared: no paths, and no texts."""
    return {
        "run": exportable.run.folder.resolve().name,
        "name": exportable.spec.name,
        "format": exporter.name,
        "quantize": options.quantize,
        **exportable.weights.record(),
        "checkpoints": dict(exportable.checkpoints),
        "versions": _versions(exporter),
        **asdict(written),
        "compared": comparison.record(),
    }


def _versions(exporter: Exporter) -> dict[str, str]:
    names = ("specformer", "torch", *dict.fromkeys(exporter.libraries.values()))
    return {name: version_of(name) for name in names}


def check_place(out: Path, *, force: bool) -> None:
    """Refuse a place where no exported folder can be made. Raises a UserError."""
    if out.exists() and not force:
        help = "choose another folder, or add --force"
        raise UserError(f"{out} exists already", help=help)
    if out.exists() and not (out / RECORD).is_file():
        raise UserError(
            f"{out} is no exported folder: it will not be replaced", help="choose another folder"
        )


@contextmanager
def new_export(out: Path, *, force: bool) -> Iterator[Path]:
    """A temporary folder to write into, which takes the name `out` at the end.

    On failure it is removed, and if Ctrl-C or SIGTERM ends the process; what killed processes left
    of folders with this name is removed at the beginning. Raises a UserError if `check_place` does,
    and where no folder can be written.
    """
    with ended_by_signals(), _unfinished(out, force=force) as folder:
        yield folder


@contextmanager
def _unfinished(out: Path, *, force: bool) -> Iterator[Path]:
    check_place(out, force=force)
    target = Path(os.path.realpath(out))
    temporary, made = beside(target), _missing_parents(target)
    try:
        with _explained(out, temporary):
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(target)
            temporary.mkdir()
            with held(temporary):
                yield temporary
                _let_others_read(temporary)
                sync_tree(temporary)
                replaced = put_folder(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in made:
            with suppress(OSError):
                parent.rmdir()
        raise
    if replaced is not None:
        shutil.rmtree(replaced, ignore_errors=True)


def _let_others_read(folder: Path) -> None:
    """Give all files the permissions of a new one; some libraries write for the user alone."""
    probe = folder / ".permissions"
    probe.touch()
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    for each in folder.rglob("*"):
        if each.is_file():
            each.chmod(mode)


def _missing_parents(path: Path) -> list[Path]:
    """Return the folders above a path that are not there yet, the lowest first."""
    return [each for each in path.parents if not each.exists()]


def _remove_abandoned(target: Path) -> None:
    """Remove the beginnings of folders that killed processes have left; a living one holds its."""
    for leftover in target.parent.glob(f".{escape(target.name[:50])}.????????.unfinished"):
        with held(leftover) as is_abandoned:
            if is_abandoned:
                shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def _explained(out: Path, temporary: Path) -> Iterator[None]:
    """Raise a UserError that names the user's folder where it, or its beginning, is not written."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            reason, help = "the disk is full", "free some space first"
        elif error.filename is None or not _is_about(Path(error.filename), temporary):
            raise
        elif error.errno in (errno.EEXIST, errno.ENOTDIR):
            reason, help = "a part of its path is a file", "name a folder that can be made"
        elif error.errno == errno.ENOENT and temporary not in Path(error.filename).parents:
            above = Path(error.filename).parent  # such as /proc
            reason = f"the system lets nobody make a folder in {above}"
            help = "name a folder on a disk"
        else:
            reason, help = f"{error.strerror}", "name a folder where you may write"
        raise UserError(f"{out} cannot be written: {reason}", help=help) from error


def _is_about(path: Path, temporary: Path) -> bool:
    """Return whether a path is the temporary folder, in it, or above it."""
    return path == temporary or temporary in path.parents or path in temporary.parents
