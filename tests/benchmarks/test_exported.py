"""The benchmark of `--engine ctranslate2`, on a run that was trained in seconds."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import exported
from runtime.command import app
from runtime.corpus import write_corpus
from tests.runtime.command.conftest import SHORT_TRAINING

pytest.importorskip("ctranslate2")


@pytest.mark.quick
def test_both_ways_are_timed_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus(tmp_path / "demo", train=80, valid=6, test=6, seed=7)
    monkeypatch.chdir(tmp_path)
    settings = {**SHORT_TRAINING, "data.folder": tmp_path / "demo"}
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    monkeypatch.setattr("sys.argv", ["specformer", "train", "demo", *options, "--out", "run"])
    with pytest.raises(SystemExit):
        app.main()
    shutil.move(tmp_path / "demo", tmp_path / "moved")
    arguments = ["--run", "run", "--data", "moved", "--out", "results.json", "--rounds", "2"]
    monkeypatch.setattr(sys, "argv", ["exported", *arguments, "--single-sentences", "2"])
    exported.main()
    results = json.loads(Path("results.json").read_text())
    assert results["bleu"].keys() == {"own", "own, validation set", "float32", "int8"}
    kinds = [(each["weights"], each["kind"]) for each in results["cases"]]
    assert kinds == [
        (weights, kind) for weights in ("float32", "int8") for kind in ("batches", "one at a time")
    ]
    assert all(len(each["engine"]) == 2 and each["ratio"] > 0 for each in results["cases"])
