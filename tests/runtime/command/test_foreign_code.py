"""Code that is no file of a package: it is refused by every command, and never runs."""

import importlib.util
import os
import py_compile
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.spec.package_files import FILES
from runtime.package import load_package
from tests.runtime.command.conftest import Command

SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def evil(package: Path, name: str = "model.py") -> str:
    """The code of a module with a last line that leaves a trace."""
    trace = package.resolve().parents[1] / "it-ran"
    return f"{(package / name).read_text()}\nopen({str(trace)!r}, 'w').close()\n"


def folder_for_module(package: Path) -> None:
    (package / "model").mkdir()
    (package / "model" / "__init__.py").write_text(evil(package))


def extension(package: Path) -> None:
    (package / f"model{SUFFIX}").write_bytes(b"\x7fELF")


def bare_extension(package: Path) -> None:
    (package / "model.so").write_bytes(b"\x7fELF")


def bytecode_beside(package: Path) -> None:
    write_bytecode(package, package / "model.pyc")


def module_of_torch(package: Path) -> None:
    (package / "torch.py").write_text(evil(package))


def other_case(package: Path) -> None:
    (package / "Model.py").write_text(evil(package))


def conftest(package: Path) -> None:
    (package / "conftest.py").write_text(evil(package))


def settings_of_pytest(package: Path) -> None:
    (package / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")


def link_for_file(package: Path) -> None:
    (package.parents[1] / "elsewhere.py").write_text(evil(package))
    (package / "model.py").unlink()
    (package / "model.py").symlink_to(package.parents[1] / "elsewhere.py")


def folder_for_file(package: Path) -> None:
    (package / "model.py").unlink()
    (package / "model.py").mkdir()


def pipe_for_file(package: Path) -> None:
    (package / "training.py").unlink()
    os.mkfifo(package / "training.py")


def link_for_bytecode(package: Path) -> None:
    shutil.rmtree(package / "__pycache__", ignore_errors=True)
    (package / "__pycache__").symlink_to(package.parents[1])


def library(package: Path) -> None:
    (package / "libtorch.so.2").write_bytes(b"\x7fELF")


PLANTS = [
    *(folder_for_module, extension, bare_extension, bytecode_beside, module_of_torch, other_case),
    *(conftest, settings_of_pytest, link_for_file, folder_for_file, pipe_for_file),
    *(link_for_bytecode, library),
]


def write_bytecode(package: Path, place: Path) -> None:
    """Bytecode of other code, which Python takes for that of `model.py` without looking at it."""
    source = package.parents[1] / "evil.py"
    source.write_text(evil(package))
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    place.parent.mkdir(exist_ok=True)
    py_compile.compile(str(source), cfile=str(place), invalidation_mode=unchecked)


@pytest.fixture
def package(specformer: Command, tmp_path: Path) -> Path:
    assert specformer("compile", "demo").code == 0
    return tmp_path / "generated" / "demo"


@pytest.mark.quick
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_package_with_foreign_code_is_refused(
    plant: Callable[[Path], None], specformer: Command, package: Path
) -> None:
    plant(package)
    for command in (
        *(("train", package), ("verify", package), ("diff", "demo", package)),
        *(("compile", "demo"), ("compile", "demo", "--force"), ("eject", "demo")),
    ):
        ended = specformer(*command)
        assert ended.code == 2, command
        assert "a generated package cannot hold this" in ended.err, command
    checked = specformer("compile", "demo", "--check")
    assert checked.code == 1
    assert "is no file of this package" in checked.err
    assert not (package.parents[1] / "it-ran").exists()


@pytest.mark.quick
def test_foreign_bytecode_is_never_read(specformer: Command, package: Path) -> None:
    for name in ("model", "__init__", "training"):
        cached = importlib.util.cache_from_source(str(package / f"{name}.py"))
        write_bytecode(package, Path(cached))
    load_package(package)
    assert specformer("compile", "demo", "--check").code == 0
    assert not (package.parents[1] / "it-ran").exists()


@pytest.mark.quick
def test_the_bytes_that_were_read_are_those_that_are_imported(package: Path) -> None:
    """A file that is replaced while the package is imported changes nothing."""
    swap = f"import pathlib\npathlib.Path({str(package / 'training.py')!r}).write_text('1 / 0')\n"
    init = package / "__init__.py"
    init.write_text(f"{init.read_text()}{swap}")
    loaded = load_package(package)
    assert loaded.training_module.learning_rate(1) > 0.0
    assert b"1 / 0" not in loaded.files["training.py"]
    assert loaded.files.keys() == set(FILES)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("__init__.py", "", "__init__.py defines no class Model"),
        ("__init__.py", "Model = 3\n", "__init__.py defines no class Model"),
        ("training.py", "", "training.py defines no learning_rate"),
        ("model.py", "raise SystemExit\n", "SystemExit"),
        ("model.py", "\0", "cannot be imported"),
        ("model.py", "(" * 100_000, "cannot be imported"),
        ("spec.lock.yaml", "name: demo\nextends: demo\n", "a lock holds every setting"),
    ],
)
def test_an_owners_edit_that_leaves_no_package_is_explained(
    name: str, text: str, message: str, specformer: Command, package: Path
) -> None:
    (package / name).write_text(text)
    ended = specformer("train", package)
    assert (ended.code, message in ended.err) == (2, True), ended.err


@pytest.mark.quick
def test_hidden_files_stay_and_an_ejected_package_keeps_its_edits(
    specformer: Command, package: Path
) -> None:
    (package / ".git").mkdir()
    (package / ".git" / "config").write_text("mine")
    assert specformer("compile", "demo", "--set", "model.attention.heads=8").code == 0
    assert (package / ".git" / "config").read_text() == "mine"
    assert specformer("eject", "demo").code == 0
    with (package / "training.py").open("a") as file:
        file.write("MINE = 1\n")
    assert load_package(package).training_module.MINE == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_run_with_foreign_code_is_refused(
    plant: Callable[[Path], None], specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    plant(run / "package")
    for command in (("translate", run), ("evaluate", run), ("transfer", run, "demo", "--out", "x")):
        ended = specformer(*command)
        assert (ended.code, "cannot hold this" in ended.err) == (2, True), command
    assert not (tmp_path / "it-ran").exists()
