"""Generated packages, loaded from wherever they lie."""

import shutil
import sys
from pathlib import Path

import pytest

from compiler.source.diagnostic import Rejected
from runtime.errors import UserError
from runtime.package import load_package

pytestmark = pytest.mark.quick

DEMO = Path(__file__).parents[2] / "generated" / "demo"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package whose folder has no name that could be imported."""
    return Path(shutil.copytree(DEMO, tmp_path / "a package-1"))


def test_a_package_has_a_spec_a_network_and_a_recipe(folder: Path) -> None:
    package = load_package(folder)
    assert package.spec.name == "demo"
    assert package.model_class.__name__ == "Transformer"
    assert package.training_module.learning_rate(1) > 0.0
    assert package.folder == folder


def test_loading_leaves_the_search_path_alone(folder: Path) -> None:
    before = list(sys.path)
    load_package(folder)
    assert sys.path == before


def test_two_packages_are_two_modules_and_a_change_is_seen(folder: Path) -> None:
    first = load_package(folder)
    content = (folder / "training.py").read_text()
    (folder / "training.py").write_text(content + "\n\nADDED = True\n")
    second = load_package(folder)
    assert first.model_class is not second.model_class
    assert not hasattr(first.training_module, "ADDED")
    assert hasattr(second.training_module, "ADDED")


@pytest.mark.parametrize("name", ["__init__.py", "model.py", "training.py", "spec.lock.yaml"])
def test_a_folder_without_one_of_the_files_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"is not a generated package: it has no {name}"):
        load_package(folder)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a generated package"):
        load_package(tmp_path / "missing")


@pytest.mark.parametrize("name", ["model.py", "training.py"])
def test_code_that_cannot_be_imported_is_explained(folder: Path, name: str) -> None:
    with (folder / name).open("a") as file:
        file.write("\nraise RuntimeError('edited')\n")
    with pytest.raises(UserError, match="cannot be imported: RuntimeError: edited"):
        load_package(folder)


def test_a_lock_that_is_no_spec_is_refused(folder: Path) -> None:
    (folder / "spec.lock.yaml").write_text("name: demo\n")
    with pytest.raises(Rejected, match=r"spec\.lock\.yaml"):
        load_package(folder)
