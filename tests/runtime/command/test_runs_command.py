"""`specformer runs` on runs that were trained, were stopped, are damaged, or were imported."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from runtime.system.file_lock import held
from tests.runtime.command.conftest import Command


@pytest.fixture
def folder(trained_run: Path, tmp_path: Path) -> Path:
    """Return a folder with two runs, of which the second was stopped and has another seed."""
    first, second = tmp_path / "all" / "first", tmp_path / "all" / "group" / "second"
    unscored = shutil.ignore_patterns("evaluation-*")  # other tests score the run that is shared
    shutil.copytree(trained_run, first, ignore=unscored)
    shutil.copytree(trained_run, second, ignore=unscored)
    lock = second / "package" / "spec.lock.yaml"
    lock.write_text(lock.read_text().replace("seed: 1", "seed: 7").replace("steps: 4", "steps: 9"))
    report = {"split": "test", "headline": "bleu", "bleu": 31.25, "bleu_signature": "x"}
    (first / "evaluation-test.json").write_text(json.dumps(report))
    return tmp_path / "all"


def test_each_run_has_a_line(specformer: Command, folder: Path) -> None:
    ended = specformer("runs", folder)
    assert ended.code == 0
    heads, first, second = ended.out.splitlines()
    assert heads.split()[:3] == ["run", "task", "state"]
    assert "finished" in first
    assert "4 of 4" in first
    assert "test BLEU 31.25" in first
    assert "stopped" in second
    assert "4 of 9" in second
    assert "training.seed: 7" in second
    assert "training.steps: 9" in second


def test_programs_get_all_values(specformer: Command, folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(specformer("runs", folder, "--format", "csv").out)))
    assert [row["training.seed"] for row in rows] == ["1", "7"]
    assert [row["test_bleu"] for row in rows] == ["31.25", ""]
    found = json.loads(specformer("runs", folder, "--format", "json").out)
    assert [run["updates"] for run in found] == [4, 4]
    assert found[0]["best"]["measure"] == "loss"
    changed = {each["setting"]: (each["first"], each["here"]) for each in found[1]["differences"]}
    assert changed["training.seed"] == ("1", "7")


def test_a_run_that_is_being_trained(specformer: Command, folder: Path) -> None:
    with held(folder / "first"):
        assert "training" in specformer("runs", folder / "first").out.splitlines()[1]


@pytest.mark.parametrize("name", ["run.json", "package/spec.lock.yaml"])
def test_a_damaged_run_is_named_and_the_others_are_listed(
    specformer: Command, folder: Path, name: str
) -> None:
    (folder / "first" / name).write_bytes(b"\xff{")
    ended = specformer("runs", folder)
    assert ended.code == 0
    _, first, second = ended.out.splitlines()
    assert "damaged" in first
    assert Path(name).name in first
    assert "stopped" in second


def test_a_run_without_figures_is_empty(specformer: Command, folder: Path) -> None:
    (folder / "first" / "metrics.jsonl").write_bytes(b"")
    assert "empty" in specformer("runs", folder).out.splitlines()[1]


@pytest.mark.quick
def test_folders_without_runs_are_refused(specformer: Command, tmp_path: Path) -> None:
    ended = specformer("runs")
    assert (ended.code, "no folder runs" in ended.err) == (2, True)
    (tmp_path / "runs").mkdir()
    ended = specformer("runs")
    assert (ended.code, "no run in runs" in ended.err) == (2, True)
