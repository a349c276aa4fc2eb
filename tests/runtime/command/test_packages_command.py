"""`specformer compile` and `eject`: what they write, and what they leave alone."""

from pathlib import Path

import pytest

from tests.runtime.command.conftest import Command

pytestmark = pytest.mark.quick


@pytest.fixture
def model(specformer: Command, tmp_path: Path) -> Path:
    assert specformer("compile", "demo", "-o", tmp_path).code == 0
    return tmp_path / "demo" / "model.py"


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def test_an_edit_is_not_written_over(specformer: Command, tmp_path: Path, model: Path) -> None:
    append(model, "# mine\n")
    refused = specformer("compile", "demo", "language-model", "-o", tmp_path)
    assert refused.code == 2
    assert f"edited by hand: {model}" in refused.err
    assert "specformer eject demo" in refused.err
    assert not (tmp_path / "language_model").exists()
    assert model.read_text().endswith("# mine\n")
    assert specformer("compile", "demo", "-o", tmp_path, "--force").code == 0
    assert "# mine" not in model.read_text()


def test_check_tells_an_edit_from_a_spec_that_has_changed(
    specformer: Command, tmp_path: Path, model: Path
) -> None:
    check = ("compile", "demo", "-o", tmp_path, "--check")
    assert specformer(*check).out == "1 up to date\n"
    stale = specformer(*check, "--set", "model.attention.heads=8")
    assert stale.code == 1
    assert f"{model} is stale: demo compiles to something else now" in stale.err
    assert "edited by hand" not in stale.err + stale.out
    assert "-HEADS = 4\n" in stale.out
    assert "+HEADS = 8\n" in stale.out
    append(model, "# mine\n")
    edited = specformer(*check)
    assert edited.code == 1
    assert f"{model} was edited by hand" in edited.err
    assert "stale" not in edited.err
    assert "-# mine\n" in edited.out
    model.unlink()
    assert f"{model} is missing" in specformer(*check).err


def test_an_ejected_package_is_left_alone(specformer: Command, tmp_path: Path, model: Path) -> None:
    ejected = specformer("eject", "demo", "-o", tmp_path)
    assert ejected.code == 0
    assert f"specformer train {model.parent}" in ejected.out
    append(model, "# mine\n")
    assert specformer("compile", "demo", "-o", tmp_path, "--check").code == 0
    assert "was ejected" in specformer("compile", "demo", "-o", tmp_path).err
    assert "yours already" in specformer("eject", "demo", "-o", tmp_path).err
    assert "no package" in specformer("eject", "no-such", "-o", tmp_path).err
    assert "did you mean `demo`?" in specformer("eject", model.parent, "-o", tmp_path).err
    assert model.read_text().endswith("# mine\n")


@pytest.mark.parametrize("text", [None, "# mine\n"])
def test_a_package_without_our_words_is_marked_all_the_same(
    text: str | None, specformer: Command, tmp_path: Path, model: Path
) -> None:
    init = model.with_name("__init__.py")
    init.unlink()
    if text:
        init.write_text(text)
    assert specformer("eject", "demo", "-o", tmp_path).code == 0
    assert init.read_text().endswith(text or "it.\n")
    assert "was ejected" in specformer("compile", "demo", "-o", tmp_path).err


def test_sums_that_are_no_text_list_nothing(
    specformer: Command, tmp_path: Path, model: Path
) -> None:
    (tmp_path / "SHA256SUMS").write_bytes(b"\xff\xfe\n")
    append(model, "# mine\n")
    refused = specformer("compile", "demo", "-o", tmp_path)
    assert (refused.code, "not written by `specformer compile`" in refused.err) == (2, True)
