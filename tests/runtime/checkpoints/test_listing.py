"""The checkpoints of a run."""

from pathlib import Path

import pytest

from runtime.checkpoints.checkpoint import Batching, Content, Identity, Machine, write_checkpoint
from runtime.checkpoints.listing import (
    last_good_checkpoint,
    list_checkpoints,
    regular_checkpoints,
    remove_old_checkpoints,
)
from runtime.checkpoints.progress import Progress
from runtime.errors import UserError

pytestmark = pytest.mark.quick

IDENTITY = Identity(model="m", data="d")


def write(parent: Path, step: int, *, is_interim: bool = False) -> Path:
    content = Content(
        identity=IDENTITY,
        progress=Progress(step=step),
        metric="loss",
        batching=Batching(tokens=1, seed=1),
        metrics_bytes=0,
        machine=Machine(torch_version="2", device="cpu", threads=1, processes=1),
        weights={},
        training_state={},
    )
    return write_checkpoint(parent, content, is_interim=is_interim).folder


def names(parent: Path) -> list[str]:
    return [checkpoint.folder.name for checkpoint in list_checkpoints(parent)]


def test_they_are_listed_by_step_and_nothing_else_is(tmp_path: Path) -> None:
    write(tmp_path, 100)
    write(tmp_path, 20)
    write(tmp_path, 100, is_interim=True)
    for other in (".step-00000200.unfinished", "refused-step-00000100", "step-new"):
        (tmp_path / other).mkdir()
    assert names(tmp_path) == ["step-00000020", "interim-00000100", "step-00000100"]
    assert [checkpoint.step for checkpoint in regular_checkpoints(tmp_path)] == [20, 100]


def test_the_last_ones_and_the_best_are_kept(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40, 50):
        write(tmp_path, step)
    remove_old_checkpoints(tmp_path, keep=2, best_step=20)
    assert names(tmp_path) == ["step-00000020", "step-00000040", "step-00000050"]


@pytest.mark.quick
def test_of_a_link_only_the_link_is_removed(tmp_path: Path) -> None:
    """A checkpoint that was moved to another disk stays there."""
    place, other = tmp_path / "checkpoints", tmp_path / "other-disk"
    place.mkdir()
    for step in (10, 20, 30):
        write(place, step)
    (place / "step-00000010").rename(other)
    (place / "step-00000010").symlink_to(other)
    remove_old_checkpoints(place, keep=2, best_step=None)
    assert names(place) == ["step-00000020", "step-00000030"]
    assert (other / "model.safetensors").is_file()


@pytest.mark.quick
def test_all_reasons_are_told_where_no_checkpoint_is_good(tmp_path: Path) -> None:
    """No message says that an older one is used."""
    for step in (10, 20):
        (write(tmp_path, step) / "model.safetensors").write_bytes(b"")
    said: list[str] = []
    with pytest.raises(UserError, match=r"(?s)none of the 2.*00020/.*00010/.*is truncated"):
        last_good_checkpoint(tmp_path, IDENTITY, said.append)
    assert said == []


def test_an_interim_one_goes_when_anything_newer_is_there(tmp_path: Path) -> None:
    write(tmp_path, 10)
    write(tmp_path, 15, is_interim=True)
    remove_old_checkpoints(tmp_path, keep=2, best_step=None)
    assert names(tmp_path) == ["step-00000010", "interim-00000015"]
    write(tmp_path, 20)
    remove_old_checkpoints(tmp_path, keep=2, best_step=None)
    assert names(tmp_path) == ["step-00000010", "step-00000020"]


def test_an_interim_one_does_not_count_as_one_of_the_last(tmp_path: Path) -> None:
    for step in (10, 20):
        write(tmp_path, step)
    write(tmp_path, 25, is_interim=True)
    remove_old_checkpoints(tmp_path, keep=2, best_step=None)
    assert names(tmp_path) == ["step-00000010", "step-00000020", "interim-00000025"]


def test_the_last_good_one_is_used_and_the_bad_put_aside(tmp_path: Path) -> None:
    write(tmp_path, 10)
    bad = write(tmp_path, 20)
    (bad / "model.safetensors").write_bytes(b"")
    said: list[str] = []
    found = last_good_checkpoint(tmp_path, IDENTITY, said.append)
    assert found is not None
    assert found[0].step == found[1].state.step == 10
    assert len(said) == 1
    assert f"{bad}/model.safetensors is truncated" in said[0]
    assert (tmp_path / "refused-step-00000020").is_dir()
    assert names(tmp_path) == ["step-00000010"]


def test_without_a_good_one_there_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, 10)
    for _ in range(2):  # the first refusal must not make the second try start from nothing
        with pytest.raises(UserError, match="none of the 1 checkpoints"):
            last_good_checkpoint(tmp_path, Identity(model="x", data="d"), lambda _: None)
    assert names(tmp_path) == ["step-00000010"]


def test_a_run_that_never_saved_has_none(tmp_path: Path) -> None:
    assert last_good_checkpoint(tmp_path, IDENTITY, lambda _: None) is None
