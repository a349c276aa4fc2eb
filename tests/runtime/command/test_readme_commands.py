"""Every command of README.md runs, in its order, with a tiny network where one is trained."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.published.folders import published

Command = Callable[..., Any]
ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w-]+\.yaml)\n")
LINES, COLUMNS, FIRST_SCREEN = 200, 200, 25
EXIT_CODES = {"diff": 1}
"""The exit codes of commands that do not end with 0 where all is well."""


def commands() -> list[str]:
    """The commands of specformer in the README: lines of blocks, and code within sentences."""
    lines = [line for language, block in BLOCKS if not language for line in block.splitlines()]
    found = [line.partition("   #")[0].strip() for line in lines if line.startswith("specformer ")]
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`(specformer [^`]+)`", prose)
    return [*found, *inline]


@pytest.mark.quick
def test_the_readme_is_short_and_begins_with_a_picture() -> None:
    lines = README.splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS
    assert any("docs/pictures/" in line for line in lines[:FIRST_SCREEN])


@pytest.mark.quick
def test_what_make_is_asked_for_is_there() -> None:
    targets = re.findall(r"\bmake ([a-z-]+)", README)
    assert {"demo", "test", "site"} <= set(targets)
    for target in set(targets):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, target


def test_every_command_runs(
    specformer: Command, corpus: Path, tiny: list[str], trained_run: Path, tmp_path: Path
) -> None:
    """The run `runs/demo` is the tiny one; the rows of an ablation are planned, not trained."""
    for language, block in BLOCKS:
        if language == "yaml" and (named := FILE.match(block)):
            (tmp_path / named[1]).write_text(block, "utf-8")
    (tmp_path / "specs").symlink_to(ROOT / "specs")
    shutil.copytree(trained_run, tmp_path / "runs" / "demo")
    (tmp_path / "data").mkdir()
    for name in ("mine", "demo"):
        (tmp_path / "data" / name).symlink_to(corpus)
    shutil.copy(corpus / "test.en", tmp_path / "in.en")
    published("gpt2", 1, tmp_path / "models")
    own = commands()
    assert len(own) > 15
    for command in own:
        _, name, *arguments = shlex.split(command)
        if name == "train":
            arguments += tiny
        if name == "ablate" and "--dry-run" not in arguments:
            arguments.append("--dry-run")
        ended = specformer(name, *arguments)
        assert ended.code == EXIT_CODES.get(name, 0), f"{command}\n{ended.err}"
    for written in ("out.de", "curves.svg", "local.svg", "mask.svg", "attention.html"):
        assert (tmp_path / written).stat().st_size > 0


@pytest.mark.quick
def test_the_message_of_the_readme_is_what_check_says(specformer: Command, tmp_path: Path) -> None:
    spec = next(block for language, block in BLOCKS if FILE.match(block))
    wrong = spec.replace("attention: {heads: 4}", "attention: {heads: 7}")
    (tmp_path / "my-model.yaml").write_text(wrong, "utf-8")
    said = re.search(r"^my-model.yaml:.*$", README, re.MULTILINE)
    assert said
    assert said[0] in specformer("check", "my-model.yaml").err
