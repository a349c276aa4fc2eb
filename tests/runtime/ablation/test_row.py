"""One row: scored, or ended with a reason that people can act upon."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.ablation import row as rows
from runtime.ablation.record import (
    FAILURE,
    PACKAGE,
    RESULT,
    RUN,
    Failure,
    Result,
    read_record,
    write_failure,
)
from runtime.ablation.row import run_row
from runtime.checkpoints.listing import regular_checkpoints
from runtime.run import Run
from runtime.system.file_lock import held
from runtime.training.computation import RECORD
from tests.runtime.ablation.conftest import Enqueue

FEW = "training.steps=20"
SCORES = {"train_steps", "train_loss", "tokens_per_second", "minutes"} | {
    f"{split}_{name}"
    for split in ("valid", "test")
    for name in ("loss", "ppl", "accuracy", "bleu", "chrf")
}


@pytest.fixture
def folder(enqueue: Enqueue) -> Path:
    """The base, queued."""
    return enqueue(FEW)[0]


def failure(folder: Path) -> Failure:
    return read_record(folder / FAILURE, Failure)


def test_a_row_is_trained_and_scored(folder: Path, tmp_path: Path) -> None:
    write_failure(folder, Failure(reason="an earlier attempt"))
    assert run_row(folder, tmp_path / "cache", "cpu") == 0
    result = read_record(folder / RESULT, Result)
    assert result.scores.keys() == SCORES
    assert result.scores["train_steps"] == 20
    assert result.signatures.keys() == {"valid_bleu", "valid_chrf", "test_bleu", "test_chrf"}
    assert result.versions["torch"]
    assert (folder / RUN / "evaluation-test.txt").is_file()
    assert not (folder / FAILURE).exists()
    before = (folder / RESULT).stat().st_mtime_ns
    assert run_row(folder, tmp_path / "cache", "cpu") == 0
    assert (folder / RESULT).stat().st_mtime_ns == before


def test_rows_compute_in_what_the_first_of_them_chose(
    enqueue: Enqueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, has_instructions in zip(
        enqueue(FEW, "training.precision=auto"), (True, False), strict=True
    ):
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
            monkeypatch.setattr(torch.cpu, name, lambda found=has_instructions: found)
        assert run_row(folder, tmp_path / "cache", "cpu") == 0
        assert Run.open(folder / RUN).begun[RECORD]["precision"] == "bfloat16"


def test_a_missing_checkpoint_is_not_averaged_over_in_silence(folder: Path, tmp_path: Path) -> None:
    assert run_row(folder, tmp_path / "cache", "cpu") == 0
    (folder / RESULT).unlink()
    first = regular_checkpoints(folder / RUN / "checkpoints")[0]
    shutil.rmtree(first.folder)
    assert run_row(folder, tmp_path / "cache", "cpu") == 1
    assert "has 1 of the 2 checkpoints that are averaged" in failure(folder).reason
    assert "trained anew" in failure(folder).help
    shutil.rmtree(folder / RUN)
    assert run_row(folder, tmp_path / "cache", "cpu") == 0


@pytest.mark.parametrize("part", ["code", "spec"])
def test_a_package_that_was_edited_does_not_run(folder: Path, part: str, tmp_path: Path) -> None:
    name = {"code": "model.py", "spec": "spec.lock.yaml"}[part]
    with (folder / PACKAGE / name).open("a") as file:
        file.write("# by hand\n")
    assert run_row(folder, tmp_path / "cache", "cpu") == 1
    assert f"was edited since it was queued: its {part} is another" in failure(folder).reason
    assert not (folder / RUN).exists()


def test_a_run_that_was_edited_does_not_go_on(folder: Path, tmp_path: Path) -> None:
    assert run_row(folder, tmp_path / "cache", "cpu") == 0
    (folder / RESULT).unlink()
    with (folder / RUN / PACKAGE / "training.py").open("a") as file:
        file.write("# by hand\n")
    assert run_row(folder, tmp_path / "cache", "cpu") == 1
    assert "was edited since it was queued" in failure(folder).reason


@pytest.mark.quick
def test_text_that_has_changed_is_not_learned(folder: Path, text: Path, tmp_path: Path) -> None:
    with (text / "test.source").open("a") as file:
        file.write("w01 w02\n")
    with (text / "test.target").open("a") as file:
        file.write("w02 w01\n")
    assert run_row(folder, tmp_path / "cache", "cpu") == 1
    assert failure(folder).reason == "the text has changed since the row was queued"


@pytest.mark.quick
def test_a_full_disk_is_a_reason(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/dev/full` refuses what is written to it; here it passes for a file."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    assert run_row(folder, tmp_path / "cache", "cpu") == 0
    (folder / RESULT).unlink()
    shutil.rmtree(folder / RUN / "checkpoints")
    (folder / RUN / "checkpoints").mkdir()
    (folder / RUN / "metrics.jsonl").unlink()
    (folder / RUN / "metrics.jsonl").symlink_to("/dev/full")
    monkeypatch.setattr("runtime.training.metrics.is_special", lambda _: False)
    assert run_row(folder, tmp_path / "cache", "cpu") == 1
    assert "the disk is full" in failure(folder).reason
    (folder / RUN / "metrics.jsonl").unlink()
    assert run_row(folder, tmp_path / "cache", "cpu") == 0


@pytest.mark.quick
def test_a_disk_too_full_for_the_reason_still_ends_with_a_code(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runtime.ablation.record.replace_file", full)
    monkeypatch.setattr("runtime.ablation.execution.train", full)
    assert run_row(folder, tmp_path / "cache", "cpu") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not (folder / FAILURE).exists()


@pytest.mark.quick
def test_a_row_runs_once_at_a_time(folder: Path, tmp_path: Path) -> None:
    with held(folder) as is_ours:
        assert is_ours
        assert run_row(folder, tmp_path / "cache", "cpu") == rows.FAILED
    assert not (folder / RUN).exists()
    assert not (folder / FAILURE).exists()
