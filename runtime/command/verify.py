"""`specformer verify`: the tests of a generated package, on the real network."""

import os
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
QUIETLY = ("--noconftest", "--import-mode=importlib", "-q", "--no-header")
PYTESTS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""Variables that change what pytest does."""


def verify(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC|PACKAGE", help="A spec, or the folder of a package.")
    ],
    settings: Settings = None,
) -> None:
    """Run the tests of a spec's package: shapes, causality, masks, padding, step by step."""
    if find_spec("pytest") is None:
        raise UserError("the tests of a package need pytest", help="pip install pytest")
    with TemporaryDirectory(prefix="specformer-") as folder:
        place = Path(folder, "package")
        if (Path(spec) / TESTS).is_file():
            if settings:
                raise UserError(
                    "--set changes a spec, and this is a package that is written already"
                )
            copy_package(Path(spec), place)
        else:
            from compiler.pipeline import compile_spec

            compile_spec(spec, settings or ()).write(place)
        raise typer.Exit(_run(place))


def copy_package(package: Path, place: Path) -> None:
    """The files of a package and nothing else: pytest and Python would read what lies beside."""
    from runtime.package import read_package

    place.mkdir()
    for name, content in read_package(package).items():
        (place / name).write_bytes(content)


def _run(folder: Path) -> int:
    """Runs the tests; returns pytest's exit code, 1 where a test fails.

    Settings and `conftest.py` of folders above, environment variables and installed plugins have no
    effect on pytest, and bytecode in the folder is not read.
    """
    with TemporaryDirectory() as private:
        root, settings = Path(private, "root"), Path(private, "pytest.ini")
        root.mkdir()
        settings.write_text("[pytest]\n", encoding="utf-8")
        options = ("-p", "no:cacheprovider", "-c", str(settings), "--rootdir", str(root))
        command = [sys.executable, "-P", "-m", "pytest", *options, *QUIETLY]
        environment = {key: value for key, value in os.environ.items() if key not in PYTESTS}
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPYCACHEPREFIX": private}
        tests = str(folder.resolve() / TESTS)
        return subprocess.run([*command, tests], env=environment, check=False).returncode
