"""The specs of the library: their counts, the packages that are kept, and hashes of the others."""

import subprocess
import sys
from pathlib import Path

import pytest

from compiler.analysis.cost import count_parameters
from compiler.explain import explain
from compiler.pipeline import compile_spec
from compiler.spec.library import folder, library, locate
from compiler.spec.load import load
from tests.support.hashes import ADVICE, HASHES, Hashes

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "generated"
CODE = Hashes(HASHES / "library.txt")
KEPT = (
    "demo",
    "transformer-base",
    "llama-like",
    "classifier",
    "local-global",  # two kinds of layers
    "head-masks",
    "relative",  # a position that attention sees
    "experts",
    "lstm",
    "depthwise",
    "adamw-cosine",
)
"""The specs whose packages `generated/` keeps to be read: one of each family.

`transformer-big` is not among them: its code is that of `transformer-base` with other numbers.
"""


def closed_formula(rows: int, layers: int, width: int, d_ff: int, *, bias: bool) -> int:
    """Post-norm encoder-decoder with one table, h * d_k = h * d_v = d_model, no final norms."""
    attention = 4 * width**2 + (4 * width if bias else 0)
    feed_forward = 2 * width * d_ff + d_ff + width
    norm = 2 * width
    encoder = attention + feed_forward + 2 * norm
    decoder = 2 * attention + feed_forward + 3 * norm
    return rows * width + layers * (encoder + decoder)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "count", "formula"),
    [
        ("transformer-base", 63_045_632, closed_formula(37000, 6, 512, 2048, bias=False)),
        ("transformer-big", 214_171_648, closed_formula(37000, 6, 1024, 4096, bias=False)),
        ("multi30k-tiny", 2_568_192, closed_formula(9712, 4, 128, 256, bias=True)),
    ],
)
def test_counts(name: str, count: int, formula: int) -> None:
    package = compile_spec(name)
    assert count_parameters(package.model) == count == formula
    assert explain(package, 32).parameters == count
    assert sum(row.parameters for row in explain(package, 32).rows) == count


@pytest.mark.quick
def test_no_two_specs_have_one_name() -> None:
    """Sub-folders are part of the library, but for rows of ablations, which have paths."""
    files = [path for path in folder().rglob("*.yaml") if "ablations" not in path.parts]
    assert sorted(path.stem for path in files) == list(library())
    assert locate("wsd") == folder() / "variants" / "wsd.yaml"


@pytest.mark.quick
@pytest.mark.parametrize("name", library())
def test_a_spec_is_called_as_its_file(name: str) -> None:
    assert load(name).spec.name == name


@pytest.mark.quick
@pytest.mark.parametrize("name", KEPT)
def test_committed_packages_are_what_the_specs_compile_to(name: str) -> None:
    package = compile_spec(name)
    assert package.stale(GENERATED / package.folder_name) == [], ADVICE


@pytest.mark.quick
@pytest.mark.parametrize("name", sorted(set(library()) - set(KEPT)))
def test_other_specs_compile_to_what_has_their_hash(
    name: str, request: pytest.FixtureRequest
) -> None:
    CODE.check(name, compile_spec(name).files, request)


@pytest.mark.quick
def test_each_spec_has_either_a_package_or_a_hash(request: pytest.FixtureRequest) -> None:
    folders = {path.name.replace("_", "-") for path in GENERATED.iterdir() if path.is_dir()}
    assert folders == set(KEPT)
    CODE.check_names(set(library()) - set(KEPT), request)


@pytest.mark.quick
@pytest.mark.parametrize("name", library())
def test_the_lock_compiles_to_the_same_package(name: str, tmp_path: Path) -> None:
    package = compile_spec(name)
    package.write(tmp_path)
    assert compile_spec(str(tmp_path / "spec.lock.yaml")).files == package.files


@pytest.mark.parametrize(
    "name",
    [
        "demo",
        "multi30k-tiny",
        "transformer-base",
        pytest.param("transformer-big", marks=pytest.mark.slow),
    ],
)
def test_emitted_tests_pass(name: str, tmp_path: Path) -> None:
    package = compile_spec(name)
    package.write(tmp_path / package.folder_name)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
