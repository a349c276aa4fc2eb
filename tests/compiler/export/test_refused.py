"""Golden cases of `export`: a spec, the format that cannot say it, and what is said to that."""

import os
from pathlib import Path

import pytest

from compiler.export.targets import TARGETS, require_sayable
from compiler.source.diagnostic import Rejected
from compiler.spec.load import load

pytestmark = pytest.mark.quick

CASES = Path(__file__).parents[2] / "exports"


@pytest.mark.parametrize("case", sorted(each.name for each in CASES.iterdir()))
def test_case(case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    folder = CASES / case
    target = TARGETS[(folder / "to.txt").read_text("utf-8").strip()]
    with pytest.raises(Rejected) as rejected:
        require_sayable(target, load(f"{case}/spec.yaml"))
    text, file = f"{rejected.value}\n", folder / "diagnostics.txt"
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        file.write_text(text, encoding="utf-8")
    assert file.read_text("utf-8") == text, (
        "pytest tests/compiler/export tests/docs --update-golden"
    )
