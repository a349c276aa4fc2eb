"""Compiles the package of a run anew, so that none of the code in its folder runs."""

from collections.abc import Mapping
from pathlib import Path

from compiler.spec.lock import LOCK, load_lock
from compiler.spec.package_files import read_regular
from runtime.errors import UserError


def recompiled_files(run: Path) -> Mapping[str, bytes]:
    """The package of the spec in a run's lock, which may be a stranger's, by file name.

    Raises a UserError if there is no lock that can be read, `Rejected` if it is no spec.
    """
    from compiler.pipeline import compile_loaded

    path = run / "package" / LOCK
    try:
        content = read_regular(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}",
            help="--recompile compiles the spec that is there",
        ) from error
    compiled = compile_loaded(load_lock(path, content))
    return {name: text.encode() for name, text in compiled.files.items()}
