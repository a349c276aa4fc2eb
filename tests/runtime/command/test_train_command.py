"""`train`: specs, packages, and runs that exist."""

import shutil
from pathlib import Path
from typing import Literal

import pytest

from compiler.spec.load import load
from compiler.spec.scaling import scaled
from compiler.spec.training import Training
from runtime.command.train import carried_over, print_summary, rescaled
from runtime.training.train import Summary
from tests.runtime.command.conftest import Command, changed


def test_a_spec_becomes_a_run(trained_run: Path) -> None:
    assert (trained_run / "package" / "model.py").is_file()
    assert "D_MODEL = 16" in (trained_run / "package" / "model.py").read_text()


@pytest.mark.quick
@pytest.mark.parametrize(
    ("reason", "done", "said"),
    [
        ("steps", 30, "30 updates in 0:00:02: as many as the spec says"),
        ("steps", 50, "50 updates in 0:00:02: the spec says 30, and the run had more already"),
        ("patience", 20, "20 updates in 0:00:02: no improvement within `patience`"),
    ],
)
def test_the_end_of_a_training_is_explained(
    reason: Literal["steps", "patience"], done: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shorter spec may go on with a run that is longer."""
    summary = Summary(
        folder=Path("run"),
        reason=reason,
        step=done,
        epoch=2,
        best_step=None,
        best_score=None,
        seconds=2.0,
    )
    print_summary(summary, Training(batch_tokens=10, steps=30), "translate")
    assert capsys.readouterr().out.startswith(said)


def test_an_existing_run_is_refused_with_both_ways_out(
    specformer: Command, trained_run: Path, tiny: list[str]
) -> None:
    before = sorted(trained_run.rglob("*"))
    ended = specformer("train", "demo", *tiny, "--out", trained_run)
    assert ended.code == 2
    assert "exists already" in ended.err
    assert "--resume" in ended.err
    assert "another folder" in ended.err
    assert sorted(trained_run.rglob("*")) == before


def test_a_package_is_trained_as_it_is_and_resumed(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    package = tmp_path / "mine"
    shutil.copytree(trained_run / "package", package)
    with (package / "model.py").open("a") as file:
        file.write("\n# edited by hand\n")
    ended = specformer("train", package)
    assert ended.code == 0, ended.err
    assert "4 updates" in ended.out
    assert "specformer translate runs/demo" in ended.out
    copy = tmp_path / "runs" / "demo" / "package" / "model.py"
    assert copy.read_text().endswith("# edited by hand\n")
    resumed = specformer("train", package, "--resume")
    assert resumed.code == 0, resumed.err


def test_a_package_cannot_be_changed_by_set(specformer: Command, trained_run: Path) -> None:
    ended = specformer("train", trained_run / "package", "--set", "training.steps=9")
    assert ended.code == 2
    assert "is a generated package" in ended.err


@pytest.mark.quick
@pytest.mark.parametrize("steps", [1, 2, 3, 50, 4000])
@pytest.mark.parametrize(
    "schedule",
    [
        "{kind: inverse_sqrt, warmup_steps: 700}",
        "{kind: inverse_sqrt, warmup_steps: 1}",
        "{kind: constant, warmup_steps: 30}",
        "{kind: linear, warmup_steps: 999, start: 1.0e-7}",
        "{kind: cosine, warmup_steps: 1, peak: 0.001}",
        "{kind: warmup_stable_decay, warmup_steps: 300, decay_steps: 700}",
        "{kind: warmup_stable_decay, warmup_steps: 1, decay_steps: 999}",
    ],
)
def test_a_schedule_of_another_length_is_right_and_keeps_its_peak(
    schedule: str, steps: int
) -> None:
    written = ["training.steps=1000", f"training.schedule={schedule}"]
    before = load("demo", written).spec.training
    changes = [f"{key}={value}" for key, value in scaled(before, steps).items()]
    after = load("demo", [*written, *changes]).spec.training
    assert after.steps == steps
    assert after.schedule.peak == before.schedule.peak
    share = after.schedule.warmup_steps / steps
    assert abs(share - before.schedule.warmup_steps / 1000) <= 1 / steps


@pytest.mark.quick
def test_steps_are_said_once_and_for_specs_alone(specformer: Command, tmp_path: Path) -> None:
    ended = specformer("train", "demo", "--steps", 3, "--set", "training.steps=9")
    assert (ended.code, "give one" in ended.err) == (2, True)
    assert "help: leave `--set training.steps` out" in ended.err
    assert specformer("compile", "demo", "-o", tmp_path).code == 0
    ended = specformer("train", tmp_path / "demo", "--steps", 3)
    assert (ended.code, "is a generated package" in ended.err) == (2, True)


@pytest.mark.quick
def test_steps_may_be_said_of_a_training_whose_own_were_removed() -> None:
    removed = ["training.steps=null", "training.epochs=2"]
    changes = rescaled("demo", removed, 3)
    training = load("demo", [*removed, *changes]).spec.training
    assert (training.steps, training.epochs) == (3, 2)


@pytest.mark.quick
def test_a_training_that_is_too_short_is_told_the_setting_that_is_not_written(
    specformer: Command,
) -> None:
    ended = specformer("check", "transformer-base", "--set", "training.steps=300")
    assert "`training.schedule.warmup_steps: 30`" in ended.err
    shorter = ("--set", "training.schedule.warmup_steps=30")
    assert (
        specformer("check", "transformer-base", "--set", "training.steps=300", *shorter).code == 0
    )


def test_a_wrong_spec_shows_the_compilers_diagnostics(specformer: Command) -> None:
    ended = specformer("train", "demo", "--set", "model.attention.heads=7")
    assert ended.code == 2
    assert "error[" in ended.err
    assert not Path("runs").exists()


def test_a_device_that_is_not_there(specformer: Command) -> None:
    ended = specformer("train", "demo", "--device", "cuda:77")
    assert ended.code == 2
    assert ended.err.startswith("error: --device cuda:77: ")


def test_a_run_is_no_package(specformer: Command, trained_run: Path) -> None:
    ended = specformer("train", trained_run, "--resume")
    assert ended.code == 2
    assert f"--out {trained_run} --resume" in ended.err


def test_an_edited_recipe_does_not_give_way_to_a_compiled_one(
    specformer: Command, trained_run: Path, tmp_path: Path, tiny: list[str]
) -> None:
    run = tmp_path / "runs" / "edited"
    shutil.copytree(trained_run, run)
    recipe = run / "package" / "training.py"
    recipe.write_text(recipe.read_text() + "\n# another rate: caf\u00e9\n", encoding="latin-1")
    edited = recipe.read_bytes()
    longer = ("train", "demo", *changed(tiny, "training.steps=6"), "--out", run, "--resume")
    refused = specformer(*longer)
    assert refused.code == 2
    assert "is not what its spec compiles to" in refused.err
    assert recipe.read_bytes() == edited
    recipe.write_bytes((trained_run / "package" / "training.py").read_bytes())
    assert specformer(*longer).code == 0


@pytest.mark.quick
def test_changes_of_settings_are_carried_over_into_code_of_another_version() -> None:
    own = "STEPS = 8  # mine\nPEAK = 1\nrest()\n"
    before, after = "STEPS = 8\nPEAK = 1\n", "STEPS = 8\nPEAK = 2\n"
    assert carried_over(own, before, after) == "STEPS = 8  # mine\nPEAK = 2\nrest()\n"
    assert carried_over(own, before, "STEPS = 9\nPEAK = 1\n") is None
    assert carried_over(own, before, f"{before}WARMUP = 3\n") is None
