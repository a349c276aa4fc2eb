"""One checkpoint: whole, damaged, or of something else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from compiler.spec.base import Section, setting, unknown_before
from compiler.spec.model import Model
from runtime.checkpoints.checkpoint import (
    Batching,
    Checkpoint,
    Content,
    Identity,
    Machine,
    RefusedCheckpoint,
    _save,
    check_checkpoint,
    load_checkpoint,
    write_checkpoint,
)
from runtime.checkpoints.progress import Progress
from runtime.system.checksummed import sealed, unsealed

pytestmark = pytest.mark.quick

IDENTITY = Identity(model="m" * 64, data="d" * 64)
MACHINE = Machine(torch_version="2", device="cpu", threads=1, processes=1)
CONTENT = Content(
    identity=IDENTITY,
    progress=Progress(step=12, epoch=3, batch=4, looked=12, best_step=12, best_score=1 / 3),
    metric="loss",
    batching=Batching(tokens=100, seed=1),
    metrics_bytes=1234,
    machine=MACHINE,
    weights={"weight": torch.arange(100.0)},
    training_state={"random/0/cpu": torch.arange(50, dtype=torch.uint8)},
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return write_checkpoint(tmp_path, CONTENT, is_interim=False)


def test_a_checkpoint_comes_back_to_the_bit(checkpoint: Checkpoint) -> None:
    record = check_checkpoint(checkpoint, IDENTITY)
    weights, training_state = load_checkpoint(checkpoint, torch.device("cpu"))
    assert record.state == CONTENT.progress
    for name in ("metric", "batching", "metrics_bytes", "machine"):
        assert getattr(record, name) == getattr(CONTENT, name)
    assert torch.equal(weights["weight"], CONTENT.weights["weight"])
    assert torch.equal(training_state["random/0/cpu"], CONTENT.training_state["random/0/cpu"])


def test_names_tell_the_step_and_the_kind(tmp_path: Path, checkpoint: Checkpoint) -> None:
    interim = write_checkpoint(tmp_path, CONTENT, is_interim=True)
    assert checkpoint.folder.name == "step-00000012"
    assert interim.folder.name == "interim-00000012"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("model.safetensors", truncate, "model.safetensors is truncated: .* bytes, .* expected"),
        ("trainer.safetensors", truncate, "trainer.safetensors is truncated"),
        ("trainer.json", lambda path: path.write_bytes(path.read_bytes()[:99]), "json is damaged"),
        ("trainer.json", lambda path: path.write_bytes(b""), "json is damaged"),
        ("model.safetensors", flip_last_byte, "model.safetensors is damaged"),
        ("trainer.safetensors", flip_last_byte, "trainer.safetensors is damaged"),
        ("model.safetensors", Path.unlink, "model.safetensors is missing"),
        ("trainer.json", Path.unlink, "trainer.json is missing"),
    ],
)
def test_damage_is_refused_by_name(
    checkpoint: Checkpoint, name: str, damage: Callable[[Path], None], reason: str
) -> None:
    damage(checkpoint.folder / name)
    with pytest.raises(RefusedCheckpoint, match=reason):
        check_checkpoint(checkpoint, IDENTITY)


def test_a_record_of_another_format_is_refused(checkpoint: Checkpoint) -> None:
    path = checkpoint.folder / "trainer.json"
    path.write_bytes(sealed(unsealed(path.read_bytes()) | {"version": 2}))
    with pytest.raises(RefusedCheckpoint, match=r"trainer\.json is damaged: .* 1"):
        check_checkpoint(checkpoint, IDENTITY)


@pytest.mark.parametrize("part", ["model", "data"])
def test_a_checkpoint_of_another_spec_is_refused(checkpoint: Checkpoint, part: str) -> None:
    other = replace(IDENTITY, **{part: "x" * 64})
    with pytest.raises(RefusedCheckpoint, match=f"another `{part}:`"):
        check_checkpoint(checkpoint, other)


def test_only_the_files_asked_for_are_read(checkpoint: Checkpoint) -> None:
    (checkpoint.folder / "trainer.safetensors").unlink()
    check_checkpoint(checkpoint, IDENTITY, ["model.safetensors"])


def test_differences_between_machines_are_named() -> None:
    other = replace(MACHINE, torch_version="3", threads=2)
    assert MACHINE.differences(other) == ["torch version", "threads"]
    assert MACHINE.differences(MACHINE) == []


@pytest.mark.quick
def test_equal_weights_are_equal_bytes(tmp_path: Path) -> None:
    """safetensors writes the metadata in the order of a hash table, another each time."""
    weights = {"a": torch.arange(3.0), "b": torch.ones(2, 2)}
    metadata = {name: name for name in ("model", "data", "größe", "fourth")}
    for number in range(9):
        _save(weights, tmp_path / f"{number}", metadata)
    assert len({(tmp_path / f"{number}").read_bytes() for number in range(9)}) == 1
    with safe_open(tmp_path / "0", framework="pt") as file:
        assert file.metadata() == metadata
        assert torch.equal(file.get_tensor("b"), weights["b"])


def test_a_setting_that_version_0_2_did_not_have_says_so() -> None:
    """Without it, checkpoints of former versions would seem to belong to another spec."""
    known = set((Path(__file__).parent / "settings-0.2.txt").read_text().split())
    schema = Model.model_json_schema()
    sections = {"Model": schema, **schema["$defs"]}
    old = {each.partition(".")[0] for each in known}
    unmarked = [
        f"{name}.{key}"
        for name, section in sections.items()
        if name in old
        for key, field in section.get("properties", {}).items()
        if f"{name}.{key}" not in known and "since" not in field
    ]
    assert unmarked == []


def test_settings_that_former_versions_lack_count_where_they_are_set() -> None:
    class Inner(Section):
        old: int = 1
        new: int = setting("a number", default=2, since="0.3")

    class Outer(Section):
        one: Inner
        several: list[Inner]
        young: Inner | None = setting("a section", default=None, since="0.3")

    def written(outer: Outer) -> dict[str, Any]:
        return outer.model_dump(exclude=unknown_before(outer))

    plain = Outer(one=Inner(), several=[Inner(), Inner(new=5)])
    assert written(plain) == {"one": {"old": 1}, "several": [{"old": 1}, {"old": 1, "new": 5}]}
    other = plain.model_copy(update={"young": Inner(new=3)})
    assert written(other)["young"] == {"old": 1, "new": 3}
