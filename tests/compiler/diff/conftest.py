"""Two specs of a folder, and a git repository of one's own."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "a", "EMAIL": "a@example.com"}.items()
}

Git = Callable[..., str]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `base.yaml` and `variant.yaml`, so that places are short."""
    monkeypatch.chdir(HERE)
    return HERE


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """git("add", "."): runs git in a new repository, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull}

    def run(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    run("init", "-q", "-b", "main")
    return run
