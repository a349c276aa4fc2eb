"""A training whose length is given in epochs: resolved by the text, kept in the run."""

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.lock import LOCK, read_lock
from runtime.command.app import app
from runtime.data.batches import Padded
from runtime.data.prepare import prepare
from runtime.errors import UserError
from runtime.run import Run
from runtime.training.update import EpochOrder, updates_of
from tests.runtime.conftest import Outcome

SPEC: dict[str, Any] = {
    "name": "tiny",
    "model": {
        "d_model": 16,
        "vocabulary": {"size": 20},
        "attention": {"heads": 2},
        "feed_forward": {"d_ff": 32},
        "encoder": {"layers": 1},
        "decoder": {"layers": 1},
    },
    "data": {
        "tokenizer": {"kind": "segmented"},
        "max_length": 20,
        "train": {"source": "train.source", "target": "train.target"},
        "valid": {"source": "valid.source", "target": "valid.target"},
        "test": {"source": "test.source", "target": "test.target"},
    },
    "training": {
        "batch_tokens": 200,
        "accumulate": 2,
        "epochs": 3,
        "schedule": {"kind": "cosine", "warmup_steps": 2, "peak": 0.01},
    },
    "evaluation": {"average_last": 1},
}


@pytest.fixture
def write_spec(tmp_path: Path, text: Path) -> Callable[..., Path]:
    """write_spec(epochs=3, ...): the spec with these settings of `training:`."""

    def write(**settings: Any) -> Path:
        training = SPEC["training"] | settings
        training = {key: value for key, value in training.items() if value is not None}
        data = SPEC["data"] | {"folder": str(text)}
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(SPEC | {"training": training, "data": data}))
        return path

    return write


def command(*arguments: object) -> str:
    """Runs a command, which must succeed, and returns its output."""
    done = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def train(spec: Path, run: Path, *options: object) -> str:
    return command("train", spec, "--out", run, "--cache", run.parent / "cache", *options)


def expected_updates(spec: Path, folder: Path) -> int:
    """Batches of each epoch by twos; what is left of an epoch makes an update of its own."""
    loaded = compile_spec(str(spec)).spec
    prepared = prepare(loaded, folder / "cache", report=lambda _: None)
    order = EpochOrder(prepared.train, Padded(tokens=loaded.training.micro_batch_tokens), 1)
    return sum((len(order.batches(epoch)) + 1) // 2 for epoch in (1, 2, 3))


def test_epochs_are_counted_in_updates_and_kept_in_the_run(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec()
    updates = expected_updates(spec, tmp_path)
    said = train(spec, tmp_path / "run")
    assert f"3 epochs of this text are {updates} updates" in said
    lock = read_lock(tmp_path / "run" / "package" / LOCK).training
    assert (lock.epochs, lock.steps) == (3, updates)
    metrics = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert f'"step": {updates}, "epoch": 3' in metrics
    assert '"epoch": 4' not in metrics
    # the package of the run is what its own lock compiles to: the schedule ends with the training
    files = compile_spec(str(tmp_path / "run" / "package" / LOCK)).files
    training = (tmp_path / "run" / "package" / "training.py").read_text()
    assert files["training.py"] == training
    assert f"STEPS = {updates}\n" in training


@pytest.mark.parametrize("is_shorter", [True, False])
def test_whichever_ends_first(
    is_shorter: bool, write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    updates = expected_updates(write_spec(), tmp_path)
    steps = updates - 2 if is_shorter else updates + 2
    train(write_spec(steps=steps), tmp_path / "run")
    lock = read_lock(tmp_path / "run" / "package" / LOCK).training
    assert lock.steps == min(steps, updates)


def test_a_run_that_is_continued_is_the_same_to_the_bit(
    write_spec: Callable[..., Path],
    tmp_path: Path,
    interrupt: Any,
    outcome: Callable[[Path], Outcome],
) -> None:
    spec = write_spec()
    train(spec, tmp_path / "whole")
    with interrupt(5):
        options = ["train", spec, "--out", tmp_path / "paused", "--cache", tmp_path / "cache"]
        assert CliRunner().invoke(app, list(map(str, options))).exit_code != 0
    train(spec, tmp_path / "paused", "--resume")
    one, other = outcome(tmp_path / "whole"), outcome(tmp_path / "paused")
    assert one[0] == other[0]
    assert all((one[1][name] == other[1][name]).all() for name in one[1])
    assert one[2] == other[2]


def test_more_epochs_continue_a_run(write_spec: Callable[..., Path], tmp_path: Path) -> None:
    spec = write_spec(schedule={"warmup_steps": 2, "peak": 0.01})
    train(spec, tmp_path / "run")
    train(spec, tmp_path / "run", "--resume", "--set", "training.epochs=4")
    lock = read_lock(tmp_path / "run" / "package" / LOCK).training
    assert lock.epochs == 4
    assert '"epoch": 4' in (tmp_path / "run" / "metrics.jsonl").read_text()


def test_a_compiled_package_says_that_its_length_is_unknown(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    package = tmp_path / "package"
    compile_spec(str(write_spec())).write(package)
    recipe = _imported(package / "training.py")
    with pytest.raises(ValueError, match="expected the updates of 3 epochs as STEPS, got None"):
        recipe.learning_rate(1)
    train(package, tmp_path / "run")
    assert _imported(tmp_path / "run" / "package" / "training.py").learning_rate(2) == 0.01


def test_an_edited_package_is_told_what_to_write(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    package, run = tmp_path / "package", tmp_path / "run"
    compile_spec(str(write_spec())).write(package)
    updates = expected_updates(write_spec(), tmp_path)
    recipe = package / "training.py"
    recipe.write_text(recipe.read_text().replace("PEAK = 0.01", "PEAK = 0.02"))
    with pytest.raises(UserError, match="was edited by hand") as refused:
        train(package, run)
    assert f"`STEPS = {updates}`" in (refused.value.help or "")
    shutil.rmtree(run, ignore_errors=True)
    text = recipe.read_text().replace("STEPS: int | None = None", f"STEPS = {updates}")
    recipe.write_text(text)
    lock = (package / LOCK).read_text().replace("  epochs: 3", f"  steps: {updates}\n  epochs: 3")
    (package / LOCK).write_text(lock)
    train(package, run)
    assert "PEAK = 0.02" in (Run.open(run).folder / "package" / "training.py").read_text()


@pytest.mark.quick
def test_a_training_must_end(write_spec: Callable[..., Path]) -> None:
    with pytest.raises(Rejected) as refused:
        compile_spec(str(write_spec(epochs=None)))
    assert "write `steps: 100000` below `training`" in str(refused.value)


@pytest.mark.quick
def test_a_warm_up_longer_than_the_epochs_is_refused_before_training(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec(schedule={"kind": "cosine", "warmup_steps": 4000, "peak": 0.01})
    with pytest.raises(Rejected, match="the warm-up of 4000 updates"):
        train(spec, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.quick
def test_only_trainings_in_epochs_are_counted() -> None:
    spec = compile_spec("demo").spec
    with pytest.raises(ValueError, match=r"expected `training\.epochs`"):
        updates_of(spec, None, "padded")  # type: ignore[arg-type]


def test_rows_of_an_ablation_count_their_epochs_when_they_are_queued(
    write_spec: Callable[..., Path], tmp_path: Path
) -> None:
    spec = write_spec(schedule={"warmup_steps": 2, "peak": 0.01})
    updates = expected_updates(spec, tmp_path)
    file = tmp_path / "table.yaml"
    file.write_text(
        f"ablation: table\nbase: {spec.name}\nseeds: [1, 2]\n"
        "groups: {A: {grid: {training.epochs: [1]}}}\n"
    )
    options = ["ablate", file, "--out", tmp_path / "table", "--cache", tmp_path / "cache"]
    plan = command(*options, "--dry-run")
    assert "3 epochs" in plan
    assert "an update" in plan
    said = command(*options, "--jobs", "1")
    assert f"base: 3 epochs of its text are {updates} updates" in said
    for seed in (1, 2):
        row = tmp_path / "table" / "rows" / f"base-seed{seed}"
        assert read_lock(row / "package" / LOCK).training.steps == updates
        assert (row / "result.json").is_file()


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("recipe", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
