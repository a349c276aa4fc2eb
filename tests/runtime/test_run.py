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
from runtime.checkpoints.state import State
from runtime.data.pairs import PairsWriter, load_pairs
from runtime.data.prepare import Prepared
from runtime.data.segmented_tokenizer import SegmentedTokenizer
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
    folder = tmp_path / "0123456789abcdef"
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
        test=pairs,
        facts=(),
    )


@pytest.fixture
def run(tmp_path: Path, package: Package, prepared: Prepared) -> Run:
    return Run.create(tmp_path / "run", package, prepared)


def save(run: Run, step: int, value: float, *, is_interim: bool = False) -> Path:
    """A checkpoint whose weights are all `value`."""
    weights = run.package.model_class().state_dict()
    content = Content(
        identity=run.identity,
        state=State(step=step),
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
    assert content["versions"]["torch"] == torch.__version__
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


def set_steps(lock: Any) -> None:
    lock["training"]["steps"] = 123_456


def set_model(lock: Any) -> None:
    lock["model"]["dropout"] = 0.45


def set_data(lock: Any) -> None:
    lock["data"]["folder"] = "elsewhere"


def test_the_recipe_of_a_longer_run_is_adopted(run: Run, package: Package) -> None:
    longer = edited(package, set_steps)
    with (run.folder / "package" / "model.py").open("a") as file:
        file.write("\nOWN = True\n")
    adopted = run.adopt(longer)
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
    run.check_data(prepared.folder.name)
    with pytest.raises(UserError, match="text has changed"):
        run.check_data("other")
