"""The run folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from runtime.checkpoints.checkpoint import (
    Batching,
    Content,
    Machine,
    RefusedCheckpoint,
    write_checkpoint,
)
from runtime.checkpoints.progress import Progress
from runtime.data.pairs import PairsWriter, load_pairs
from runtime.data.prepare import Prepared, entry_of
from runtime.data.tokenizers.segmented import SegmentedTokenizer
from runtime.errors import UserError
from runtime.package import Package, load_package
from runtime.run import Run

DEMO = Path(__file__).parents[2] / "generated" / "demo"


@pytest.fixture
def package(tmp_path: Path) -> Package:
    ignored = shutil.ignore_patterns("__pycache__")
    return load_package(Path(shutil.copytree(DEMO, tmp_path / "demo", ignore=ignored)))


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    tokenizer = SegmentedTokenizer(["a", "b"], joiner="@@")
    folder = tmp_path / "0123456789abcdef-2"
    tokenizer.save(folder / "tokenizers" / "source")
    with PairsWriter.open(tmp_path / "pairs") as writer:
        writer.add([[4, 5]], [[5, 4]])
    pairs = load_pairs(tmp_path / "pairs")
    return Prepared(
        folder=folder,
        source=tokenizer,
        target=tokenizer,
        train=pairs,
        valid=pairs,
        tests={"test": pairs},
        digests={},
        facts=(),
    )


@pytest.fixture
def run(tmp_path: Path, package: Package, prepared: Prepared) -> Run:
    return Run.create(tmp_path / "run", package, prepared)


def save(
    run: Run, step: int, value: float, *, is_interim: bool = False, best: int | None = None
) -> Path:
    """A checkpoint whose weights are all `value`."""
    weights = run.package.model_class().state_dict()
    content = Content(
        identity=run.identity,
        progress=Progress(step=step, best_step=best),
        metric="loss",
        batching=Batching(tokens=1, seed=1),
        metrics_bytes=0,
        machine=Machine(torch_version="2", device="cpu", threads=1, processes=1),
        weights={name: torch.full_like(weight, value) for name, weight in weights.items()},
        training_state={},
    )
    return write_checkpoint(run.checkpoints, content, is_interim=is_interim).folder


def only_value(model: torch.nn.Module) -> float:
    (value,) = {value for weight in model.parameters() for value in set(weight.flatten().tolist())}
    return float(value)


def test_a_run_holds_all_that_translation_needs(tmp_path: Path, run: Run) -> None:
    shutil.rmtree(tmp_path / "demo")
    opened = Run.open(run.folder)
    assert opened.package.folder == run.folder / "package"
    source, target = opened.tokenizers()
    assert source is target
    assert source.encode("b a") == [5, 4]
    names = {path.name for path in (run.folder / "package").iterdir()}
    assert {"model.py", "training.py", "spec.lock.yaml", "__init__.py"} <= names


def test_separate_vocabularies_stay_separate(
    tmp_path: Path, package: Package, prepared: Prepared
) -> None:
    other = SegmentedTokenizer(["c"], joiner="@@")
    other.save(prepared.folder / "tokenizers" / "target")
    source, target = Run.create(tmp_path / "run", package, prepared).tokenizers()
    assert (source.size, target.size) == (6, 5)


def test_run_json_tells_versions_and_hashes(run: Run) -> None:
    content = json.loads((run.folder / "run.json").read_text())
    # A build for CUDA may say so in its code and not in its package.
    assert torch.__version__.startswith(content["versions"]["torch"])
    assert content["spec"].keys() == {"model", "data"}
    assert len(content["package"]["model.py"]) == 64
    assert content["prepared"] == "0123456789abcdef"


def test_an_existing_folder_is_refused(
    tmp_path: Path, package: Package, prepared: Prepared
) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="exists already"):
        Run.create(tmp_path / "run", package, prepared)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run: it has no run\.json"):
        Run.open(tmp_path)


def test_a_run_in_the_usual_folder_is_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "demo").mkdir(parents=True)
    with pytest.raises(UserError) as mistake:
        Run.open(Path("demo"))
    assert mistake.value.help == "`specformer train SPEC --out RUN` makes one"
    (tmp_path / "runs" / "demo" / "run.json").write_text("{}")
    with pytest.raises(UserError, match="demo is not a run") as mistake:
        Run.open(Path("demo"))
    assert mistake.value.help == "`runs/demo` is one"


def test_the_last_checkpoints_are_averaged(run: Run, package: Package) -> None:
    """An interim one never counts."""
    run = run.adopt(edited(package, set_average))
    for step, value in ((10, 8.0), (20, 1.0), (30, 2.0), (40, 6.0)):
        save(run, step, value)
    save(run, 45, 100.0, is_interim=True)
    assert only_value(run.load_model()) == 3.0
    assert only_value(run.load_model(1)) == 6.0
    assert only_value(run.load_model(2)) == 4.0
    assert only_value(run.load_model(10)) == 3.0  # one more might be the best, of long ago
    assert not run.load_model().training


@pytest.mark.quick
def test_the_best_checkpoint_is_used_where_it_is_asked_for(run: Run, package: Package) -> None:
    """The option `checkpoint` wins over the spec."""
    for step, best in ((10, 10), (20, 20), (30, 20), (40, 20)):
        save(run, step, float(step), best=best)
    save(run, 43, 43.0, is_interim=True, best=20)
    assert only_value(run.load_model()) == 30.0  # the mean of 20, 30 and 40
    chosen = {
        name: only_value(Run.open(run.folder, name).load_model())
        for name in ("best", "10", "43", "last")
    }
    assert chosen == {"best": 20.0, "10": 10.0, "43": 43.0, "last": 30.0}
    assert str(Run.open(run.folder, "best").used()) == "the best checkpoint, of update 20"
    assert str(Run.open(run.folder, "BEST").used()) == "the best checkpoint, of update 20"
    assert str(Run.open(run.folder, "10").used()) == "the checkpoint of update 10"
    by_spec = run.adopt(edited(package, set_best))
    assert only_value(by_spec.load_model()) == 20.0
    assert only_value(Run.open(run.folder, "last").load_model()) == 40.0


@pytest.mark.quick
def test_the_error_of_a_damaged_checkpoint_names_the_others(run: Run) -> None:
    for step in (10, 20):
        save(run, step, 1.0)
    (run.checkpoints / "step-00000020" / "trainer.json").write_bytes(b"")
    with pytest.raises(RefusedCheckpoint, match="is damaged") as refused:
        run.load_model()
    assert refused.value.help.endswith("`--checkpoint UPDATE`: 10")


@pytest.mark.quick
def test_a_checkpoint_that_is_not_there_is_refused(run: Run) -> None:
    """A word that names none, an update without one, and a best one that was lost."""
    for step in (10, 20):
        save(run, step, 1.0, best=10)
    for name, message in (
        ("averaged", "there is no checkpoint of that name"),
        ("-1", "there is no checkpoint of that name"),
        ("11", "has no checkpoint of update 11"),
    ):
        with pytest.raises(UserError, match=message):
            Run.open(run.folder, name).load_model()
    with pytest.raises(UserError, match="mean of 2 checkpoints is taken of the last ones"):
        Run.open(run.folder, "best").load_model(2)
    shutil.rmtree(run.checkpoints / "step-00000010")
    save(run, 30, 1.0, best=10)
    with pytest.raises(UserError, match="has no best checkpoint, of update 10") as refused:
        Run.open(run.folder, "best").load_model()
    assert "20, 30" in refused.value.help


@pytest.mark.quick
def test_without_a_measure_only_a_single_checkpoint_is_the_best(run: Run) -> None:
    """Imported weights have such a checkpoint."""
    save(run, 0, 5.0)
    assert only_value(Run.open(run.folder, "best").load_model()) == 5.0
    save(run, 1, 6.0)
    with pytest.raises(UserError, match="its metric was not measured"):
        Run.open(run.folder, "best").load_model()


def test_without_a_checkpoint_there_is_no_network(run: Run) -> None:
    save(run, 5, 1.0, is_interim=True)
    with pytest.raises(UserError, match="has no checkpoint yet"):
        run.load_model()


def test_a_truncated_checkpoint_is_not_averaged(run: Run) -> None:
    save(run, 10, 1.0)
    (save(run, 20, 1.0) / "model.safetensors").write_bytes(b"")
    with pytest.raises(RefusedCheckpoint, match=r"step-00000020/model\.safetensors is truncated"):
        run.load_model()


def edited(package: Package, edit: Callable[[Any], None]) -> Package:
    """The package with another lock."""
    path = package.folder / "spec.lock.yaml"
    lock = yaml.safe_load(path.read_text())
    edit(lock)
    path.write_text(yaml.safe_dump(lock))
    return load_package(package.folder)


def set_average(lock: Any) -> None:
    lock["evaluation"]["average_last"] = 3


def set_best(lock: Any) -> None:
    lock["evaluation"] |= {"average_last": 1, "checkpoint": "best"}


def set_steps(lock: Any) -> None:
    lock["training"]["steps"] = 123_456


def set_model(lock: Any) -> None:
    lock["model"]["dropout"] = 0.45


def set_data(lock: Any) -> None:
    lock["data"]["max_length"] = 99


def test_the_recipe_of_a_longer_run_is_adopted(run: Run, package: Package) -> None:
    longer = edited(package, set_steps)
    with (run.folder / "package" / "model.py").open("a") as file:
        file.write("\nOWN = True\n")
    Run.accept_edits(run.folder, load_package(run.folder / "package"))
    adopted = Run.open(run.folder).adopt(longer)
    assert adopted.package.spec.training.steps == 123_456
    assert Run.open(run.folder).package.spec.training.steps == 123_456
    assert "OWN" in (run.folder / "package" / "model.py").read_text()


@pytest.mark.parametrize(("part", "edit"), [("model", set_model), ("data", set_data)])
def test_another_network_or_text_is_not_adopted(
    run: Run, package: Package, part: str, edit: Callable[[Any], None]
) -> None:
    other = edited(package, edit)
    with pytest.raises(UserError, match=f"begun with another `{part}:`"):
        run.adopt(other)


def test_changed_text_is_noticed(run: Run, prepared: Prepared) -> None:
    run.check_data(entry_of(prepared.folder))
    with pytest.raises(UserError, match="text has changed"):
        run.check_data("other")


@pytest.mark.parametrize(
    "content", [b"", b"[" * 100_000, b"[]", b'{"versions": 3}', b'{"package": {"a": 1}}', b"\xff"]
)
def test_a_damaged_run_json_is_named(content: bytes, run: Run) -> None:
    (run.folder / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        Run.open(run.folder)


@pytest.mark.parametrize("name", ["model.py", "training.py", "spec.lock.yaml", "test_model.py"])
def test_a_flipped_bit_in_the_package_of_a_run_is_noticed(name: str, run: Run) -> None:
    path = run.folder / "package" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is not as .*run.json has recorded it"):
        Run.open(run.folder)


def test_a_recipe_that_was_half_adopted_is_no_damage(run: Run, package: Package) -> None:
    """A kill between the files leaves each of them old or new."""
    longer = edited(package, set_steps)
    lock = run.folder / "package" / "spec.lock.yaml"
    old = lock.read_bytes()
    run.adopt(longer)
    lock.write_bytes(old)
    assert Run.open(run.folder).package.spec.training.steps != 123_456
