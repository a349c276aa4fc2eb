"""A whole training: what it learns, when it looks, when it ends, what goes wrong."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from runtime.checkpoints.listing import list_checkpoints
from runtime.data.prepare import Prepared
from runtime.errors import UserError
from runtime.run import Run
from runtime.training.objective import Objective
from runtime.training.train import Summary
from runtime.training.update import Updater

Make = Callable[..., Path]
Train = Callable[..., Summary]


def figures(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


def names(run: Path) -> list[str]:
    return [each.folder.name for each in list_checkpoints(run / "checkpoints")]


def test_one_batch_is_learned_by_heart(
    tmp_path: Path, make_package: Make, run_training: Train, text: Path
) -> None:
    for side in ("source", "target"):
        lines = (text / f"train.{side}").read_text().splitlines(keepends=True)
        for part in ("train", "valid"):
            (text / f"{part}.{side}").write_text("".join([lines[-1], *lines[:4]]))
    package = make_package(dropout=0.0, batch_tokens=1000, steps=300, every=100)
    run_training(package, tmp_path / "run")
    first, last = (figures(tmp_path / "run", "train")[number] for number in (0, -1))
    assert first["nll"] > 2.5
    assert last["nll"] < 0.12  # Label smoothing wants no token surer than 0.905, or nll 0.0998.


@pytest.mark.quick
def test_the_rate_follows_the_schedule_of_the_package(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    run_training(make_package(steps=40), tmp_path / "run")
    rates = {line["step"]: line["learning_rate"] for line in figures(tmp_path / "run", "train")}
    expected = {1: 0.001, 10: 0.01, 20: 0.01 * 0.5**0.5, 30: 0.01 / 3**0.5, 40: 0.005}
    assert rates == pytest.approx(expected)


@pytest.mark.quick
def test_looks_come_in_time_and_after_the_last_update(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    summary = run_training(make_package(every=10, steps=25), tmp_path / "run")
    assert [line["step"] for line in figures(tmp_path / "run", "valid")] == [10, 20, 25]
    assert (summary.reason, summary.step) == ("steps", 25)


def test_looks_come_with_each_epoch(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    run_training(make_package(every="epoch", steps=20), tmp_path / "run")
    looks = figures(tmp_path / "run", "valid")
    assert [line["epoch"] for line in looks] == list(range(1, len(looks) + 1))


@pytest.mark.quick
def test_perplexity_and_means_belong_together(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    run_training(make_package(steps=10), tmp_path / "run")
    (look,) = figures(tmp_path / "run", "valid")
    assert look["perplexity"] == pytest.approx(torch.tensor(look["nll"]).exp().item(), rel=1e-5)
    assert "bleu" not in look


class Scores:
    """Gives one score after the other."""

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)

    def __call__(self, model: nn.Module, prepared: Prepared, *_: object) -> float:
        assert not model.training
        assert len(prepared.valid) == 10
        return self.scores.pop(0)


def test_patience_ends_a_training_and_the_best_is_kept(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    package = make_package(
        every=10, steps=1000, bleu=True, metric="bleu", patience=3, average_last=1
    )
    score = Scores(10.0, 30.0, 20.0, 30.0, 29.0)
    summary = run_training(package, tmp_path / "run", score=score)
    assert (summary.reason, summary.step) == ("patience", 50)
    assert (summary.best_step, summary.best_score) == (20, 30.0)
    assert names(tmp_path / "run") == ["step-00000020", "step-00000040", "step-00000050"]
    looks = figures(tmp_path / "run", "valid")
    assert [line["is_best"] for line in looks] == [True, True, False, False, False]
    assert [line["bleu"] for line in looks] == [10.0, 30.0, 20.0, 30.0, 29.0]


def test_bleu_without_a_scorer_is_a_mistake_of_the_caller(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    with pytest.raises(ValueError, match="expected a function `score`"):
        run_training(make_package(bleu=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.quick
def test_as_many_checkpoints_stay_as_are_averaged(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    package = make_package(every=5, steps=30, average_last=4, bleu=True, metric="bleu")
    run_training(package, tmp_path / "run", score=Scores(6.0, 5.0, 4.0, 3.0, 2.0, 1.0))
    steps = [each.step for each in list_checkpoints(tmp_path / "run" / "checkpoints")]
    assert steps == [5, 15, 20, 25, 30]


def test_an_existing_folder_is_left_alone(
    tmp_path: Path, make_package: Make, run_training: Train, said: list[str]
) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="run exists already"):
        run_training(make_package(), tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
    assert said == []


@pytest.mark.quick
def test_only_a_run_can_be_continued(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    with pytest.raises(UserError, match="run is not a run"):
        run_training(make_package(), tmp_path / "run", resume=True)


@pytest.mark.quick
def test_a_loss_that_is_not_finite_ends_the_training(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoints before it stay good."""
    update = Updater.__call__
    calls: list[int] = []

    def diverging(self: Updater, *arguments: Any) -> torch.Tensor:
        calls.append(1)
        return update(self, *arguments) * (float("nan") if len(calls) == 14 else 1.0)

    monkeypatch.setattr(Updater, "__call__", diverging)
    package = make_package()
    with pytest.raises(UserError, match="not finite in update 14") as caught:
        run_training(package, tmp_path / "run")
    assert "training.schedule.peak" in caught.value.help
    assert names(tmp_path / "run") == ["step-00000010"]
    monkeypatch.undo()
    assert run_training(package, tmp_path / "run", resume=True).step == 30


def test_a_full_gpu_is_explained(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Objective, "add_gradients", exhausted)
    with pytest.raises(UserError, match="out of memory") as caught:
        run_training(make_package(), tmp_path / "run")
    assert "training.accumulate" in caught.value.help
    assert "training.batch_tokens" in caught.value.help


@pytest.mark.parametrize(
    "error",
    [
        SafetensorError("I/O error: No space left on device (os error 28)"),
        SafetensorError("I/O error: Disk quota exceeded (os error 122)"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_full_disk_costs_nothing_that_was_saved(
    error: Exception,
    tmp_path: Path,
    make_package: Make,
    run_training: Train,
    assert_same: Callable[[Path, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = make_package()
    run_training(package, tmp_path / "whole")

    def save_while_there_is_room(tensors: Any, path: Path, metadata: dict[str, str]) -> None:
        if "step-00000020" in str(path) and path.name == "trainer.safetensors":
            path.write_bytes(b"half")
            raise error
        save_file(tensors, path, metadata)

    monkeypatch.setattr("runtime.checkpoints.checkpoint.save_file", save_while_there_is_room)
    with pytest.raises(UserError, match="disk is full") as caught:
        run_training(package, tmp_path / "run")
    assert "continue with --resume" in caught.value.help
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000010"]
    monkeypatch.undo()
    run_training(package, tmp_path / "run", resume=True)
    assert_same(tmp_path / "whole", tmp_path / "run")


def test_a_disk_that_is_really_full_is_noticed(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/dev/full` refuses what is written to it, as a full disk does; here it passes for a file."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    package = make_package()
    run_training(package, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").unlink()
    (tmp_path / "run" / "metrics.jsonl").symlink_to("/dev/full")
    monkeypatch.setattr("runtime.training.metrics.is_special", lambda _: False)
    longer = make_package("longer", steps=40)
    with pytest.raises(UserError, match="disk is full"):
        run_training(longer, tmp_path / "run", resume=True)


@pytest.mark.quick
def test_the_trained_network_is_the_mean_of_the_last_checkpoints(
    tmp_path: Path, make_package: Make, run_training: Train
) -> None:
    run_training(make_package(average_last=2), tmp_path / "run")
    run = Run.open(tmp_path / "run")
    models = [run.load_model(number) for number in (1, 2, None)]
    last, mean, default = (model.state_dict()["embedding.weight"] for model in models)
    assert torch.equal(mean, default)
    assert not torch.equal(mean, last)
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-00000030")
    before = run.load_model(1).state_dict()["embedding.weight"]
    torch.testing.assert_close(mean, (last + before) / 2)


@pytest.mark.quick
def test_the_whole_run_goes_through_one_compiled_program(
    tmp_path: Path, make_package: Make, run_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler itself takes a minute, so that another stands in for it."""
    compiled: list[bool] = []
    calls: list[torch.Size] = []

    def compile_nothing(function: Callable[..., torch.Tensor], *, dynamic: bool) -> Any:
        compiled.append(dynamic)

        def call(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            calls.append(source.shape)
            return function(source, target)

        return call

    monkeypatch.setattr(torch, "compile", compile_nothing)
    run_training(make_package(compile=True, steps=20), tmp_path / "run")
    assert compiled == [True]
    assert len(calls) == 20
