"""Nothing that lies in the current or the temporary folder runs, or changes what commands do."""

import marshal
import os
import subprocess
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from tests.runtime.command.conftest import TINY

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
TRAP = "import os, pathlib; pathlib.Path(os.environ['CAUGHT']).touch(); raise SystemExit(3)\n"
MODULES = (
    *("torch", "pytest", "_pytest", "numpy", "yaml", "rich", "runpy", "typing", "signal", "shlex"),
    *("sitecustomize", "conftest", "plugin", "test_model", "model"),
)
SETTINGS = {
    "pytest.ini": "[pytest]\naddopts = --no-such-option\n",
    "tox.ini": "[pytest]\naddopts = --no-such-option\n",
    "setup.cfg": "[tool:pytest]\naddopts = --no-such-option\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--no-such-option'\n",
}
TINY_SETTINGS = [f"--set={key}={value}" for key, value in TINY.items()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A current folder and a temporary one, full of files that mean something to Python."""
    for name in ("here", "temporary"):
        place = tmp_path / name
        place.mkdir()
        plant(place)
        for package in ("runtime", "compiler", "submitit"):
            (place / package).mkdir()
            (place / package / "__init__.py").write_text(TRAP)
    return tmp_path


def plant(place: Path) -> None:
    for module in MODULES:
        (place / f"{module}.py").write_text(TRAP)
    for name, text in SETTINGS.items():
        (place / name).write_text(text)


def run(folder: Path, *arguments: str, **variables: str) -> str:
    """A command as it is installed, which must succeed without a trap being touched."""
    script = folder / "bin" / "specformer"
    script.parent.mkdir(exist_ok=True)
    script.write_text("from runtime.__main__ import start\nstart()\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "temporary"),
        "CAUGHT": str(folder / "caught"),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        env=environment,
        cwd=folder / "here",
        capture_output=True,
        text=True,
        check=False,
    )
    assert not (folder / "caught").exists(), done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_verify_obeys_no_file_around_it_and_no_variable_of_pytest(folder: Path) -> None:
    variables = {"PYTEST_ADDOPTS": "--no-such-option", "PYTEST_PLUGINS": "plugin"}
    assert " passed" in run(folder, "verify", "demo", *TINY_SETTINGS, **variables)


def test_verify_of_a_package_reads_nothing_beside_it_and_no_bytecode(folder: Path) -> None:
    place = folder / "here" / "packages"
    run(folder, "compile", "demo", *TINY_SETTINGS, "-o", str(place))
    plant(place)
    bytecode = place / "demo" / "__pycache__" / f"model.{sys.implementation.cache_tag}.pyc"
    bytecode.parent.mkdir(exist_ok=True)
    unchecked = (1).to_bytes(4, "little") + bytes(8)
    bytecode.write_bytes(MAGIC_NUMBER + unchecked + marshal.dumps(compile(TRAP, "model", "exec")))
    assert " passed" in run(folder, "verify", str(place / "demo"))


def test_the_measurement_for_an_ablation_imports_nothing_from_the_current_folder(
    folder: Path,
) -> None:
    file = ROOT / "specs" / "ablations" / "table3-small.yaml"
    assert "FLOP/s a run" in run(folder, "ablate", str(file), "--dry-run")


def test_an_empty_entry_of_the_path_is_not_the_current_folder(folder: Path) -> None:
    for trap in ("sitecustomize", "runpy", "typing", "signal"):  # Python itself would run them
        (folder / "here" / f"{trap}.py").unlink()
    for package in ("runtime", "compiler"):
        (folder / "here" / package / "__init__.py").unlink()
        (folder / "here" / package).rmdir()
    run(folder, "verify", "demo", *TINY_SETTINGS, PYTHONPATH=f"{ROOT}::.")


def test_the_module_of_a_bare_checkout_is_a_command() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "runtime", "ablate", "--help"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
