"""Texts that `evaluate` scores: test sets with names, other texts, none, changed and moved ones."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.package import load_package
from runtime.run import Run
from tests.runtime.tasks.conftest import tree

Command = Callable[..., Any]


@pytest.fixture
def run(trained_run: Path, corpus: Path, tmp_path: Path) -> Path:
    """A copy of the run; its text lies in `text` beside it, where its spec looks for it."""
    shutil.copytree(corpus, tmp_path / "text")
    shutil.copytree(trained_run, tmp_path / "run")
    write_lock(tmp_path / "run", "folder: ", f"  folder: {tmp_path / 'text'}\n")
    return tmp_path / "run"


def write_lock(run: Path, key: str, lines: str) -> None:
    """Writes other lines in the place of the one line of the run's lock that has this key."""
    lock = run / "package" / "spec.lock.yaml"
    kept = lock.read_text().splitlines(keepends=True)
    (place,) = (number for number, line in enumerate(kept) if line.strip().startswith(key))
    kept[place] = lines
    lock.write_text("".join(kept))
    Run.accept_edits(run, load_package(run / "package"))


def without_test_set(run: Path) -> None:
    lock = run / "package" / "spec.lock.yaml"
    text = lock.read_text()
    lock.write_text(text.replace("  test:\n    source: test.en\n    target: test.de\n", ""))
    assert lock.read_text() != text
    Run.accept_edits(run, load_package(run / "package"))


def moved(options: list[str], folder: Path) -> list[str]:
    """The options, with the text in another folder."""
    return [
        f"data.folder={folder}" if each.startswith("data.folder=") else each for each in options
    ]


def report(run: Path, name: str) -> dict[str, Any]:
    return json.loads((run / f"evaluation-{name}.json").read_text())


def test_each_test_set_has_a_score_and_files(specformer: Command, run: Path) -> None:
    write_lock(
        run,
        "max_length: 128",
        "  max_length: 128\n  tests:\n    again: {source: test.en, target: test.de}\n"
        "    other: {source: valid.en, target: valid.de}\n",
    )
    ended = specformer("evaluate", run, "--samples", 0)
    assert ended.code == 0, ended.err
    assert [report(run, name)["sentences"] for name in ("test", "again", "other")] == [12, 12, 10]
    assert report(run, "test")["bleu"] == report(run, "again")["bleu"]
    (run / "evaluation-test.json").unlink()
    ended = specformer("evaluate", run, "--test", "other", "--test", "again", "--samples", 0)
    assert ended.code == 0, ended.err
    assert "other set" in ended.out
    assert "again set" in ended.out
    assert not (run / "evaluation-test.json").exists()


def test_a_corpus_that_is_given_starts_from_the_current_folder(
    specformer: Command, run: Path
) -> None:
    shutil.copy(run.parent / "text" / "valid.de", run.parent / "b.de")
    corpus = "{source: text/valid.en, target: text/valid.de, references: [b.de]}"
    ended = specformer("evaluate", run, "--test", corpus, "--samples", 0)
    assert ended.code == 0, ended.err
    (found,) = run.glob("evaluation-valid-*.json")
    content = json.loads(found.read_text())
    assert content["sentences"] == 10
    assert "nrefs:2" in content["bleu_signature"]
    assert len(content["files"]) == 3
    assert len(found.with_suffix(".txt").read_text().splitlines()) == 10


@pytest.mark.quick
def test_a_text_and_a_stride_of_the_command_line(
    specformer: Command, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text starts from the current folder, even if a text of the spec has the same name."""
    spec = tree("language_model", corpus)
    parts = {"train": [0.0, 0.9], "valid": [0.9, 1.0]}
    texts = {
        name: {"text": "train.en", "running": True, "part": part} for name, part in parts.items()
    }
    spec["data"] = {"folder": str(corpus), "max_length": 7, "tokenizer": "bytes"} | texts
    spec["model"]["vocabulary"] = {"size": 260}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    run, here = tmp_path / "run", tmp_path / "here"
    ended = specformer("train", "spec.yaml", "--out", run, "--steps", 1)
    assert ended.code == 0, ended.err
    here.mkdir()
    shutil.copy(corpus / "valid.en", here / "train.en")
    monkeypatch.chdir(here)
    given = ("evaluate", run, "--test", "{text: train.en, running: true}")
    ended = specformer(*given, "--set", "evaluation.stride=2")
    assert ended.code == 0, ended.err
    assert "2 from one to the next" in ended.out
    (found,) = run.glob("evaluation-train-*.json")
    assert list(json.loads(found.read_text())["files"]) == [str(here / "train.en")]
    ended = specformer(*given, "--set", "evaluation.stride=99")
    assert (ended.code, "error[long-stride]" in ended.err) == (2, True)
    ended = specformer(*given, "--set", "evaluation.lowercase=true")
    assert (
        "--set has no effect on the scores of `task: language_model`: evaluation.lower" in ended.err
    )
    ended = specformer("evaluate", run, "--test", "{text: none.en, running: true}")
    assert ended.code == 2
    assert f"there is no file {here / 'none.en'}" in ended.err
    assert f"the paths of --test start from the current folder, {here}" in ended.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("newstest", "has no test set of this name"),
        ("{text: a.en}", "write `--test '{source: a.en, target: given.de}'`"),
        ("{sorce: a.en, target: a.de}", "unknown key `sorce`"),
        ("{source: a.en, target: a.de", "--test"),
        ("{text: a.en}", "learned from pairs"),
        ("{source: nowhere.en, target: nowhere.de}", "there is no file"),
        ("{source: text/test.en, target: text/valid.de}", "has 12 lines, but"),
    ],
)
def test_what_is_neither_a_test_set_nor_a_corpus(
    specformer: Command, run: Path, given: str, message: str
) -> None:
    ended = specformer("evaluate", run, "--test", given)
    assert ended.code == 2
    assert message in ended.err


def test_a_spec_without_a_test_set(specformer: Command, run: Path) -> None:
    without_test_set(run)
    ended = specformer("evaluate", run)
    assert ended.code == 2
    assert "has no test set" in ended.err
    assert "--test '{source: FILE, target: FILE}'" in ended.err
    assert specformer("evaluate", run, "--split", "valid").code == 0
    given = "{source: text/test.en, target: text/test.de}"
    assert specformer("evaluate", run, "--test", given).code == 0
    assert specformer("evaluate", run, "--test", given, "--split", "valid").code == 2


def test_a_test_set_that_has_changed_is_not_scored_as_the_old_one(
    specformer: Command, run: Path
) -> None:
    file = run.parent / "text" / "test.de"
    file.write_text(file.read_text().replace("e", "a", 1))
    (run / "evaluation-test.json").unlink(missing_ok=True)  # that of an earlier test
    ended = specformer("evaluate", run)
    assert ended.code == 2
    assert f"the text of {file} has changed since {run} was begun" in ended.err
    assert not (run / "evaluation-test.json").exists()
    given = "{source: text/test.en, target: text/test.de}"
    assert specformer("evaluate", run, "--test", given).code == 0


def test_a_run_whose_text_has_moved(specformer: Command, run: Path, tiny: list[str]) -> None:
    (run.parent / "text").rename(run.parent / "moved")
    ended = specformer("evaluate", run)
    assert ended.code == 2
    assert f"there is no file {run.parent / 'text' / 'test.en'}" in ended.err
    assert "--data FOLDER" in ended.err
    assert specformer("evaluate", run, "--data", run.parent / "moved").code == 0
    settings = [
        "training.steps=6" if each == "training.steps=4" else each
        for each in moved(tiny, run.parent / "moved")
    ]
    ended = specformer("train", "demo", *settings, "--out", run, "--resume")
    assert ended.code == 0, ended.err
    assert "6 updates" in ended.out
    assert specformer("evaluate", run).code == 0  # it knows the new place now


def test_a_package_whose_text_has_moved(specformer: Command, run: Path) -> None:
    (run.parent / "text").rename(run.parent / "moved")
    command = ("train", run / "package", "--out", run, "--resume")
    assert specformer(*command).code == 2
    ended = specformer(*command, "--data", run.parent / "moved")
    assert ended.code == 0, ended.err


def test_other_text_at_a_new_place_is_refused(
    specformer: Command, run: Path, tiny: list[str]
) -> None:
    new = run.parent / "moved"
    (run.parent / "text").rename(new)
    (new / "train.en").write_text((new / "train.en").read_text().replace("a", "b", 1))
    ended = specformer("train", "demo", *moved(tiny, new), "--out", run, "--resume")
    assert ended.code == 2
    assert "the text has changed" in ended.err


def test_lines_of_a_pipe_are_translated(specformer: Command, run: Path) -> None:
    pipe = run.parent / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("\ufeffa dog\na bird\n"))
    writer.start()
    ended = specformer("translate", run, "--input", pipe)
    writer.join()
    assert ended.code == 0, ended.err
    assert len(ended.out.split("\n")) == 3


@pytest.mark.parametrize("place", ["/dev/zero", "pipe", "text"])
def test_a_corpus_that_is_no_file_is_refused_at_once(
    specformer: Command, run: Path, place: str
) -> None:
    if place == "pipe":
        os.mkfifo(run.parent / "pipe")
    ended = specformer("evaluate", run, "--test", f"{{source: {place}, target: text/test.de}}")
    assert ended.code == 2
    assert ended.err.startswith("error: ")
