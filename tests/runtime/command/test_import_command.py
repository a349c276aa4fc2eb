"""`specformer import`: a dry run, and a run that all commands take."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler.pipeline import check_spec
from tests.runtime.published.folders import lines, published

Command = Callable[..., Any]

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{line}\n" for line in lines()[:40]), encoding="utf-8")
    return path


def test_a_dry_run_says_all_and_writes_nothing(specformer: Command, tmp_path: Path) -> None:
    folder = published("llama", 2, tmp_path).folder
    before = sorted(tmp_path.rglob("*"))
    ended = specformer("import", folder, "--dry-run")
    assert ended.code == 0
    assert sorted(tmp_path.rglob("*")) == before
    keys = json.loads((folder / "config.json").read_text())
    said = {line.split()[1].rstrip(",") for line in ended.out.splitlines() if "used " in line}
    others = next(line for line in ended.out.splitlines() if line.startswith("no effect"))
    said |= {each.strip() for each in others.removeprefix("no effect").split(",")}
    assert keys.keys() - said == {"model_type"} - said
    assert "hidden_size -> model.d_model:" in ended.out


def test_a_refused_folder_still_says_what_is_known(specformer: Command, tmp_path: Path) -> None:
    folder = published("gpt2", 1, tmp_path).folder
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"mystery": 1}))
    ended = specformer("import", folder, "--dry-run")
    assert ended.code == 2
    assert "n_embd -> model.d_model:" in ended.out
    assert "nothing is known about `mystery` of a gpt2" in ended.err


def test_a_language_model_is_used_and_trained_on(
    specformer: Command, tmp_path: Path, text: Path
) -> None:
    run, cache = tmp_path / "run", tmp_path / "cache"
    ended = specformer("import", published("gpt2", 1, tmp_path).folder, "--out", run)
    assert ended.code == 0, ended.err
    assert "4/4 greedy texts equal" in ended.out
    assert check_spec(str(run / "spec.yaml")).spec.name == "gpt2"
    assert specformer("generate", run, "--prompt", "The old king").out.startswith("The old king")
    corpora = [f"--set=data.{each}.text={json.dumps(str(text))}" for each in ("train", "valid")]
    resumed = specformer(
        *("train", run / "spec.yaml", "--out", run, "--resume", "--steps", 2, "--cache", cache),
        *corpora,
    )
    assert resumed.code == 0, resumed.err
    assert "2 updates" in resumed.out
    child = tmp_path / "child.yaml"
    data = f"{{train: {{text: {text}}}, valid: {{text: {text}}}}}"
    child.write_text(f"extends: {run / 'spec.yaml'}\nname: child\ndata: {data}\n")
    moved = specformer("transfer", run, child, "--out", tmp_path / "more", "--cache", cache)
    assert moved.code == 0, moved.err
    assert "(100.0%)" in moved.out


@pytest.mark.parametrize(
    ("name", "command", "line"),
    [
        ("bert", "fill", "The [MASK] sees the dog."),
        ("bert-classifier", "classify", "The king sees the dog."),
        ("t5", "translate", "The king sees the dog."),
    ],
)
def test_other_tasks_are_used(
    name: str, command: str, line: str, specformer: Command, tmp_path: Path
) -> None:
    run, source = tmp_path / "run", tmp_path / "source.txt"
    source.write_text(f"{line}\n")
    assert specformer("import", published(name, 1, tmp_path).folder, "--out", run).code == 0
    ended = specformer(command, run, "--input", source)
    assert ended.code == 0, ended.err
    assert len(ended.out.splitlines()) == (5 if command == "fill" else 1)


def test_an_unknown_task_is_refused(specformer: Command, tmp_path: Path) -> None:
    folder = published("gpt2", 1, tmp_path).folder
    assert "there is no task song" in specformer("import", folder, "--task", "song").err
    ended = specformer("import", folder, "--task", "translation")
    assert "the family of gpt2 has no task translation" in ended.err


def test_an_existing_run_is_left_alone(specformer: Command, tmp_path: Path) -> None:
    folder = published("gpt2", 1, tmp_path).folder
    ended = specformer("import", folder, "--out", tmp_path)
    assert ended.code == 2
    assert "exists already" in ended.err
    assert "--resume" not in ended.err
