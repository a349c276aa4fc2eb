"""`specformer verify`: the tests of a generated package, on the real network."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from runtime.command.options import Settings
from runtime.errors import UserError

TESTS = "test_model.py"


def verify(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC|PACKAGE", help="A spec, or the folder of a package.")
    ],
    settings: Settings = None,
) -> None:
    """Run the tests of a spec's package: shapes, causality, masks, padding, step by step."""
    if find_spec("pytest") is None:
        raise UserError("the tests of a package need pytest", help="pip install pytest")
    if (Path(spec) / TESTS).is_file():
        if settings:
            raise UserError("--set changes a spec, and this is a package that is written already")
        raise typer.Exit(_run(Path(spec)))
    from compiler.pipeline import compile_spec

    package = compile_spec(spec, settings or ())
    with TemporaryDirectory() as folder:
        package.write(Path(folder) / package.folder_name)
        raise typer.Exit(_run(Path(folder) / package.folder_name))


def _run(folder: Path) -> int:
    """1 where a test fails, as pytest says."""
    options = ("-p", "no:cacheprovider", "--rootdir", str(folder.parent), "-q", "--no-header")
    command = [sys.executable, "-m", "pytest", *options, str(folder.resolve() / TESTS)]
    return subprocess.run(command, check=False).returncode
