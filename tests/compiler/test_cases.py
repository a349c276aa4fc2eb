"""Golden cases: a spec with its errors or warnings, or with a hash of its IR and its code.

A case may hold a `set.txt`: arguments of `--set`, one a line.
"""

import os
from pathlib import Path

import pytest

from compiler.source.diagnostic import Rejected
from tests.support.hashes import CASES, HASHES, Hashes, code_of_case, read_case

pytestmark = pytest.mark.quick

CODE = Hashes(HASHES / "cases.txt")
NAMES = sorted(each.name for each in CASES.iterdir() if each.is_dir())


@pytest.fixture
def in_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)


@pytest.mark.usefixtures("in_cases")
@pytest.mark.parametrize("case", NAMES)
def test_case(case: str, request: pytest.FixtureRequest) -> None:
    try:
        package = read_case(case)
    except Rejected as rejected:
        return check(CASES / case / "diagnostics.txt", f"{rejected}\n", request)
    if package.warnings:
        return check(CASES / case / "diagnostics.txt", f"{Rejected(package.warnings)}\n", request)
    return CODE.check(case, code_of_case(package), request)


def check(file: Path, text: str, request: pytest.FixtureRequest) -> None:
    """Asserts that a golden file holds the text; --update-golden writes it instead."""
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        file.write_text(text, encoding="utf-8")
    assert file.is_file(), f"{file.name} is missing: pytest --update-golden writes it"
    assert file.read_text(encoding="utf-8") == text


def test_a_case_has_either_complaints_or_a_hash(request: pytest.FixtureRequest) -> None:
    complained = {file.parent.name for file in CASES.glob("*/diagnostics.txt")}
    CODE.check_names(set(NAMES) - complained, request)
