"""Generated files of random specs and of the library pass the linters as hand-written ones would.

The types are checked as strictly as mypy does, without any settings of a project.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from compiler.analysis.refusals import is_traceable
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.spec.library import library
from tests.support.knobs import Tree
from tests.support.packages import compile_tree
from tests.support.strategies import specs

ROOT = Path(__file__).parents[2]
EXAMPLES = 40
COMMANDS = {
    "ruff check": ["ruff", "check", "--config", str(ROOT / "pyproject.toml"), "."],
    "ruff format": ["ruff", "format", "--config", str(ROOT / "pyproject.toml"), "--diff", "."],
    "mypy": ["mypy", "--strict", "--config-file=", "."],
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("style")
    written: set[str] = set()

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
    @given(tree=specs())
    def write(tree: Tree) -> None:
        package = compile_tree(tree, tmp_path_factory.getbasetemp())
        if package.files["model.py"] not in written:
            write_all(package, folder / f"random_{len(written)}")
            written.add(package.files["model.py"])

    write()
    assert len(written) >= EXAMPLES // 2
    for name in library():
        package = compile_spec(name)
        write_all(package, folder / package.folder_name)
    return folder


def write_all(package: CompiledPackage, folder: Path) -> None:
    """Write the files of a package, and the one that exporters ask for."""
    package.write(folder)
    if is_traceable(package.model):
        (folder / "functional.py").write_text(package.functional())


@pytest.mark.parametrize("name", COMMANDS)
def test_style(name: str, packages: Path) -> None:
    command = [sys.executable, "-m", *COMMANDS[name]]
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
