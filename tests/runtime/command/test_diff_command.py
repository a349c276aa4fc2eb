"""`diff`: its exit codes, its formats, and git that calls it."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "specs" / "demo.yaml"
DRIVER = f"{shlex.quote(sys.executable)} -m runtime diff --git"
Command = Callable[..., Any]


def test_exit_codes_are_those_of_diff(specformer: Command, tmp_path: Path) -> None:
    (tmp_path / "named.yaml").write_text("extends: demo\nname: named\n")
    (tmp_path / "seed.yaml").write_text("extends: demo\nname: seed\ntraining: {seed: 2}\n")
    (tmp_path / "wrong.yaml").write_text("extends: demo\nname: wrong\nmodel: {d_model: x}\n")
    assert specformer("diff", "demo", "demo").code == 0
    assert specformer("diff", "demo", "named.yaml").code == 0
    different = specformer("diff", "demo", "seed.yaml")
    assert different.code == 1
    assert "training.seed  1       2" in different.out
    bad = specformer("diff", "wrong.yaml", "nothing.yaml")
    assert (bad.code, bad.out) == (2, "")
    assert "wrong.yaml:3:18: error[bad-value]" in bad.err
    assert "error[no-spec]: there is no spec `nothing.yaml`" in bad.err
    one = specformer("diff", "demo")
    assert (one.code, one.out) == (2, "")
    assert "`diff` compares two things, and got 1" in one.err


@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
def test_every_format_says_the_same(specformer: Command, form: str) -> None:
    ended = specformer("diff", "transformer-base", "transformer-big", "--format", form)
    assert (ended.code, ended.err) == (1, "")
    assert "attention.heads" in ended.out
    assert "\x1b" not in ended.out
    if form == "json":
        assert json.loads(ended.out)["equal"] is False


@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
def test_named_test_sets_are_shown(specformer: Command, tmp_path: Path, form: str) -> None:
    """Sections that have names are compared, and shown with their places."""
    corpus = "{source: x.en, target: x.de}"
    (tmp_path / "more.yaml").write_text(
        f"extends: demo\nname: more\ndata:\n  tests: {{news: {corpus}}}\n"
    )
    ended = specformer("diff", "demo", "more.yaml", "--format", form)
    assert (ended.code, ended.err) == (1, "")
    assert "data.tests" in ended.out
    assert "x.en" in ended.out
    shown = specformer("show", "more.yaml").out
    assert re.search(r"tests:\n +news:\n +source: x.en +# more.yaml:4:\d+", shown)


def test_terminals_get_colour(specformer: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_PAGER_IN_USE", "true")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in specformer("diff", "demo", "rotary").out


def test_behaviour_is_that_of_the_code_that_is_there(specformer: Command, tmp_path: Path) -> None:
    small = "extends: demo\nname: small\nmodel: {d_model: 16, vocabulary: {size: 40}}\n"
    (tmp_path / "small.yaml").write_text(small)
    assert specformer("compile", "small.yaml").code == 0
    same = specformer("diff", "small.yaml", "generated/small", "--behaviour", "--format", "json")
    assert (same.code, json.loads(same.out)["behaviour"]["is_equal"]) == (0, True)
    model = tmp_path / "generated" / "small" / "model.py"
    model.write_text(model.read_text().replace("math.sqrt(D_MODEL)", "3.0"))
    edited = specformer("diff", "small.yaml", "generated/small", "--behaviour")
    assert edited.code == 1
    assert "first result that differs" in edited.out
    assert "* 3.0" in edited.out.partition("\nCode\n")[0]


@pytest.mark.parametrize("count", [2, 8])
def test_git_mode_is_for_git(specformer: Command, count: int) -> None:
    ended = specformer("diff", "--git", *["x"] * count)
    assert ended.code == 2
    assert "7 arguments, or 9 or 1" in ended.err
    for refused in (["--format", "json"], ["--behaviour"]):
        ended = specformer("diff", "--git", *refused, *["x"] * 7)
        assert (ended.code, "do not go together" in ended.err) == (2, True)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """git("diff"): in a new repository that has a base with a child, both committed."""
    monkeypatch.chdir(tmp_path)
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a"}
    path = {"PYTHONPATH": str(ROOT), "GIT_COMMITTER_EMAIL": "a", "GIT_CONFIG_GLOBAL": os.devnull}
    environment = {**os.environ, **names, **path}

    def run(*arguments: str, **more: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, env=environment | more, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "-q", "-b", "main")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "base.yaml").write_text(DEMO.read_text())
    child = "extends: base.yaml\nname: child\nmodel: {attention: {heads: 8}}\n"
    (tmp_path / "specs" / "child.yaml").write_text(child)
    (tmp_path / "notes.txt").write_text("one\ntwo\n")
    run("add", ".")
    run("commit", "-qm", "specs")
    return run


@pytest.fixture
def configured(git: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """With the two lines of configuration that `docs/diff.md` shows."""
    git("config", "diff.specformer.command", DRIVER)
    (tmp_path / ".gitattributes").write_text("specs/**/*.yaml diff=specformer\n")
    (tmp_path / ".git" / "info" / "attributes").write_text("specs/*.yaml diff=specformer\n")
    return git


def test_git_shows_specs_by_their_meaning(configured: Callable[..., str], tmp_path: Path) -> None:
    child = tmp_path / "specs" / "child.yaml"
    child.write_text(child.read_text().replace("heads: 8", "heads: 2"))
    (tmp_path / "notes.txt").write_text("one\nthree\n")
    shown = configured("diff")
    assert "attention.heads       8       2      a/specs/child.yaml:3" in shown
    assert "b/specs/child.yaml:3" in shown
    assert "# attention.heads" in shown
    assert "-two\n+three" in shown


def test_git_shows_what_is_no_right_spec_line_by_line(
    configured: Callable[..., str], tmp_path: Path
) -> None:
    child = tmp_path / "specs" / "child.yaml"
    child.write_text(child.read_text().replace("heads: 8", "heads: 7"))
    shown = configured("diff")
    assert "b/specs/child.yaml:3:28: 7 heads cannot share" in shown
    assert "-model: {attention: {heads: 8}}\n+model: {attention: {heads: 7}}" in shown


def test_git_shows_files_that_come_and_go_and_move(
    configured: Callable[..., str], tmp_path: Path
) -> None:
    specs = tmp_path / "specs"
    (specs / "new.yaml").write_text("extends: base.yaml\nname: new\n")
    (specs / "child.yaml").unlink()
    configured("add", ".")
    shown = configured("diff", "--cached", "--no-renames", "--", "specs")
    assert "--- /dev/null\n+++ b/specs/new.yaml\n@@ -0,0 +1,2 @@\n+extends: base.yaml" in shown
    assert "--- a/specs/child.yaml\n+++ /dev/null" in shown
    configured("reset", "-q", "--hard")
    configured("mv", "specs/child.yaml", "specs/moved.yaml")
    (specs / "moved.yaml").write_text((specs / "moved.yaml").read_text().replace("8", "2"))
    configured("add", ".")
    shown = configured("diff", "--cached", "-M30")
    assert "a/specs/child.yaml \N{RIGHTWARDS ARROW} b/specs/moved.yaml" in shown
    assert "attention.heads" in shown


def test_git_says_that_only_the_ends_of_lines_differ(
    configured: Callable[..., str], tmp_path: Path
) -> None:
    child = tmp_path / "specs" / "child.yaml"
    child.write_text("no spec\n")
    configured("commit", "-qam", "text")
    child.write_bytes(b"no spec\r\n")
    assert "The lines are the same: their ends differ" in configured("diff")


def test_git_shows_everything_through_the_environment(
    git: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_bytes(b"\xff\x00")
    shown = git("diff", GIT_EXTERNAL_DIFF=DRIVER)
    assert "a/notes.txt" in shown
    assert "are no text" in shown


def test_a_file_that_is_unmerged(specformer: Command) -> None:
    ended = specformer("diff", "--git", "specs/child.yaml")
    assert (ended.code, ended.out) == (0, "specs/child.yaml: unmerged\n")
