"""`specformer verify`: the tests of a package."""

from pathlib import Path

import pytest

from tests.runtime.command.conftest import TINY, Command


@pytest.fixture
def settings() -> list[str]:
    return [f"--set={key}={value}" for key, value in TINY.items()]


def test_a_spec_is_verified(specformer: Command, settings: list[str]) -> None:
    ended = specformer("verify", "demo", *settings)
    assert ended.code == 0
    assert "passed" in ended.out


@pytest.mark.quick
def test_an_edited_package_is_caught(
    specformer: Command, settings: list[str], tmp_path: Path
) -> None:
    assert specformer("compile", "demo", *settings, "-o", tmp_path).code == 0
    path = tmp_path / "demo" / "model.py"
    path.write_text(path.read_text().replace(", is_causal=True", ""))
    ended = specformer("verify", tmp_path / "demo")
    assert ended.code == 1
    assert "test_no_position_sees_a_later_one" in ended.out


@pytest.mark.quick
def test_a_written_package_takes_no_settings(specformer: Command, tmp_path: Path) -> None:
    assert specformer("compile", "demo", "-o", tmp_path).code == 0
    ended = specformer("verify", tmp_path / "demo", "--set", "model.d_model=64")
    assert ended.code == 2
    assert "--set changes a spec" in ended.err
