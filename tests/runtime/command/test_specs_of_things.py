"""The commands that read a spec read a generated package and a run in its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.quick

Command = Callable[..., Any]
CHILD = "extends: demo\nname: child\nmodel:\n  feed_forward: {d_ff: 64}\n"


@pytest.fixture
def things(specformer: Command, tmp_path: Path) -> tuple[str, ...]:
    """A spec, its package, and a folder that holds the package as a run does."""
    (tmp_path / "child.yaml").write_text(CHILD)
    for folder in ("packages", "run"):
        assert specformer("compile", "child.yaml", "--output", folder).code == 0
    (tmp_path / "run" / "child").rename(tmp_path / "run" / "package")
    return "child.yaml", "packages/child", "run"


def test_draw_shows_the_same_network(specformer: Command, things: tuple[str, ...]) -> None:
    pictures = [specformer("draw", each) for each in things]
    assert [each.code for each in pictures] == [0, 0, 0]
    assert len({each.out for each in pictures}) == 1
    assert "child" in pictures[0].out


def test_conform_finds_the_same(specformer: Command, things: tuple[str, ...]) -> None:
    """A package has settings in its lock, each place in a line of its own: they are joined."""
    found = []
    for each in things:
        ended = specformer("conform", each, "--format", "json")
        assert (ended.code, ended.err) == (0, "")
        found.append(json.loads(ended.out)["findings"])
    origins = [
        {each["setting"]: each.pop("origin")["file"] for each in findings} for findings in found
    ]
    assert found[0] == found[1] == found[2]
    assert [Path(each["feed_forward.d_ff"]).name for each in origins] == [
        "child.yaml",
        "spec.lock.yaml",
        "spec.lock.yaml",
    ]


def test_a_package_of_the_library_names_the_lines_of_its_spec(
    specformer: Command, tmp_path: Path
) -> None:
    assert specformer("compile", "demo", "--output", "packages").code == 0
    written, package = (
        specformer("conform", each, "--format", "json").out for each in ("demo", "packages/demo")
    )
    assert written == package
    assert (tmp_path / "packages" / "demo").is_dir()


@pytest.mark.parametrize("command", ["draw", "conform"])
def test_settings_of_a_package_are_not_changed(
    specformer: Command, things: tuple[str, ...], command: str
) -> None:
    ended = specformer(command, things[1], "--set", "model.d_model=64")
    assert (ended.code, ended.out) == (2, "")
    assert "is compiled already" in ended.err
    assert "help: leave --set out" in ended.err


@pytest.mark.usefixtures("things")
@pytest.mark.parametrize("command", [["draw"], ["conform"], ["view", "--out", "page.html"]])
@pytest.mark.parametrize(
    ("name", "message", "help"),
    [
        ("", "the name is empty", "name a file, a folder or a spec"),
        ("folder", "it has no spec.lock.yaml", "name a spec, or the folder of a package or a run"),
        ("packages", "it has no spec.lock.yaml", "for example `packages/child`"),
        ("runs", "it has no spec.lock.yaml", "for example `runs/child`"),
        (".", "it has no spec.lock.yaml", "for example `child.yaml`"),
        ("packages/child/model.py", "this is code of a generated", "its package is `packages/chil"),
        ("notes.md", "this is a document in Markdown, not a spec", "`specformer new NAME`"),
        ("empty.yaml", "the file holds no spec", "`specformer new NAME` writes one"),
    ],
)
def test_what_is_no_spec_is_answered_alike(
    specformer: Command, tmp_path: Path, command: list[str], name: str, message: str, help: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "run").rename(tmp_path / "runs" / "child")
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "notes.md").write_text("# Notes\n")
    ended = specformer(command[0], name, *command[1:])
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert f"help: {help}" in ended.err
