"""Golden cases: a spec with its expected IR and code, or with its errors or warnings.

A case may hold a `set.txt`: arguments of `--set`, one a line.
"""

import os
from pathlib import Path

import pytest

from compiler.ir.dump import dump
from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected

pytestmark = pytest.mark.quick

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture
def in_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)


@pytest.mark.usefixtures("in_cases")
@pytest.mark.parametrize("case", sorted(each.name for each in CASES.iterdir() if each.is_dir()))
def test_case(case: str, request: pytest.FixtureRequest) -> None:
    update = request.config.getoption("--update-golden")
    assert not (update and os.environ.get("CI")), "expected outputs are not rewritten in CI"
    for name, text in outputs(case).items():
        path = CASES / case / name
        if update:
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path.name} is missing: pytest --update-golden writes it"
        assert path.read_text(encoding="utf-8") == text


def outputs(case: str) -> dict[str, str]:
    """What the compiler makes of a case's spec."""
    file = CASES / case / "set.txt"
    settings = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    try:
        package = compile_spec(f"{case}/spec.yaml", settings)
    except Rejected as rejected:
        return {"diagnostics.txt": f"{rejected}\n"}
    if package.warnings:
        return {"diagnostics.txt": f"{Rejected(package.warnings)}\n"}
    return {
        "ir.txt": dump(package.model) + "\n",
        "model.py.txt": package.files["model.py"],
        "training.py.txt": package.files["training.py"],
    }
