"""The commands about generated packages: `compile`, `verify`, `eject`."""

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from compiler.source.diagnostic import Rejected, did_you_mean, for_each, quoted
from compiler.spec.lock import LOCK
from compiler.spec.package_files import FILES, explained
from runtime.command.options import Force, Settings, Specs
from runtime.command.output import say_warnings
from runtime.errors import UserError

if TYPE_CHECKING:
    from compiler.output import Output
    from compiler.pipeline import CompiledPackage


Folder = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="FOLDER", help="folder that has a package for each spec"
    ),
]


def compile_specs(
    specs: Specs,
    settings: Settings = None,
    output: Folder = Path("generated"),
    compare: Annotated[
        bool,
        typer.Option("--check", help="write nothing; show what is not up to date, and exit with 1"),
    ] = False,
    force: Force = False,
) -> None:
    """Compile specs to packages of PyTorch code.

    What was edited by hand is not written over without --force; `specformer eject` keeps it.
    """
    from compiler.output import Output
    from compiler.pipeline import compile_spec

    packages = for_each(specs, lambda spec: compile_spec(spec, settings or ()))
    say_warnings(each for package in packages for each in package.warnings)
    found = Output(folder=output)
    if compare:
        check_packages(packages, found)
    else:
        write_packages(packages, found, force=force)


def write_packages(packages: Iterable["CompiledPackage"], output: "Output", *, force: bool) -> None:
    """All of them, or none if one was edited."""
    for package in packages:
        refuse_foreign(output, package.folder_name)
        if not force and not output.is_free(package):
            raise refusal(package, output)
    for package in packages:
        output.write(package)
        typer.echo(f"{package.spec.name}: {output.folder / package.folder_name / 'model.py'}")


def refuse_foreign(output: "Output", package: str) -> None:
    """Refuse foreign files in the folder of a package."""
    if foreign := output.foreign(package):
        message, help = explained(output.folder / package, foreign)
        raise UserError(message, help=help)


def refusal(package: "CompiledPackage", output: "Output") -> UserError:
    """Returns the error that tells why a package is not written over."""
    name, keep = package.folder_name, f"`specformer eject {package.spec.name}` makes it yours"
    place = output.folder / name
    if output.is_ejected(name):
        return UserError(f"{place} was ejected", help="--force writes over it, for good")
    files = ", ".join(str(output.folder / each) for each in output.at_stake(package))
    if output.is_listed(name):
        return UserError(f"edited by hand: {files}", help=f"{keep}; --force writes over it")
    return UserError(
        f"not written by `specformer compile`, or by an older one: {files}",
        help=f"{keep}; --force writes over it",
    )


def check_packages(packages: Iterable["CompiledPackage"], output: "Output") -> None:
    """Ends with exit code 1 if one is not up to date."""
    good = [is_up_to_date(package, output) for package in packages]
    if not all(good):
        raise typer.Exit(1)
    typer.echo(f"{len(good)} up to date")


def is_up_to_date(package: "CompiledPackage", output: "Output") -> bool:
    """Return whether a package is up to date; report stale files and what would change."""
    name = package.folder_name
    folder, edited = output.folder / name, output.edited(name)
    foreign = output.foreign(name, FILES if output.is_ejected(name) else package.files)
    for file in foreign:
        typer.echo(f"{folder / file} is no file of this package: remove it", err=True)
    if output.is_ejected(name):
        typer.echo(f"{folder} was ejected: it is not compared")
        return not foreign
    stale = package.stale(folder)
    for file in stale:
        typer.echo(f"{folder / file} {condition(folder / file, package, edited)}", err=True)
    if stale and (folder / LOCK).is_file():
        show_changes(folder, package)
    return not stale and not foreign


def condition(file: Path, package: "CompiledPackage", edited: Iterable[str]) -> str:
    """Return why a file is not up to date."""
    if not file.exists():
        return "is missing"
    if f"{package.folder_name}/{file.name}" in edited:
        return "was edited by hand"
    return f"is stale: {package.spec.name} compiles to something else now"


def show_changes(folder: Path, package: "CompiledPackage") -> None:
    """The page of `specformer diff`, unless the lock that lies there is no spec any more."""
    from compiler.diff.difference import difference, document
    from compiler.diff.operand import of_package, read_operand
    from runtime.command.page import print_page

    try:
        there = read_operand(str(folder))
    except Rejected as rejected:
        typer.echo(str(rejected), err=True)
        return
    print_page(document(difference(there, of_package(package, package.spec.name))))


def eject(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of a spec whose package lies in the folder.")
    ],
    output: Folder = Path("generated"),
) -> None:
    """Hand a generated package over to you: it is marked, and never written over again."""
    from compiler.output import Output

    found, package = Output(folder=output), name.replace("-", "_")
    place = output / package
    refuse_foreign(found, package)
    if not (place / "model.py").is_file():
        raise no_package(name, output)
    if found.is_ejected(package):
        raise UserError(f"{place} was ejected before: it is yours already")
    found.eject(package)
    typer.echo(f"{place} is yours: edit it, and train it with `specformer train {place}`")


def no_package(name: str, output: Path) -> UserError:
    """Returns the error for a package that is not there: mostly a path is given, not a name."""
    there = sorted(each.parent.name.replace("_", "-") for each in output.glob("*/model.py"))
    near = did_you_mean(Path(name).stem, there)
    return UserError(
        f"there is no package of a spec {quoted(name)} in {output}",
        help=near
        or "`eject` takes the name of a spec; `specformer compile SPEC` makes its package",
    )


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
