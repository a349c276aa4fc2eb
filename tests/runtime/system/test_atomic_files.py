"""Folders that are complete or not there."""

import errno
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.system.atomic_files import (
    copy_folder,
    explained_disk_errors,
    new_folder,
    remove_unfinished,
    replace_file,
)

pytestmark = pytest.mark.quick


def test_a_new_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    with new_folder(tmp_path / "new") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("content")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new" / "deep" / "file").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_new_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="half"), new_folder(tmp_path / "new"):
        raise RuntimeError("half way")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("old")
    with pytest.raises(OSError, match="not empty"), new_folder(tmp_path / "old"):
        pass
    assert (tmp_path / "old" / "file").read_text() == "old"


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".new.unfinished").mkdir()
    (tmp_path / ".new.unfinished" / "file").write_text("half")
    (tmp_path / "kept").mkdir()
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    replace_file(tmp_path / "file", b"new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "new")]


def test_a_full_disk_is_explained_and_other_errors_are_not(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="disk is full"), explained_disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), explained_disk_errors(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.quick
def test_a_copy_that_fails_tells_the_first_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`shutil.copytree` would hide that the disk is full."""
    (tmp_path / "old" / "deep" / "__pycache__").mkdir(parents=True)
    for name in ("file", "deep/file", "deep/__pycache__/file"):
        (tmp_path / "old" / name).write_text("content")
    copy_folder(tmp_path / "old", tmp_path / "new")
    assert (tmp_path / "new" / "deep" / "file").read_text() == "content"
    assert not (tmp_path / "new" / "deep" / "__pycache__").exists()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runtime.system.atomic_files.shutil.copyfile", full)
    with (
        pytest.raises(UserError, match="the disk is full"),
        explained_disk_errors(tmp_path / "other"),
    ):
        copy_folder(tmp_path / "old", tmp_path / "other")


@pytest.mark.quick
@pytest.mark.parametrize("leftover", ["file", "link", "folder"])
def test_what_a_killed_process_left_is_replaced(leftover: str, tmp_path: Path) -> None:
    """It may be a file, a folder or a link, whose target stays."""
    place, target = tmp_path / ".new.unfinished", tmp_path / "target"
    target.mkdir()
    {"file": place.touch, "link": lambda: place.symlink_to(target), "folder": place.mkdir}[
        leftover
    ]()
    with new_folder(tmp_path / "new") as folder:
        (folder / "file").touch()
    assert (tmp_path / "new" / "file").is_file()
    assert list(target.iterdir()) == []
