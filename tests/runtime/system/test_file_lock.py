"""Folders that one process at a time works in."""

import errno
import fcntl
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.system.file_lock import followed, has_locks, held, is_held
from runtime.training.start_or_resume import alone

pytestmark = pytest.mark.quick


def test_a_held_folder_is_not_given_twice(tmp_path: Path) -> None:
    with held(tmp_path) as first, held(tmp_path) as second:
        assert (first, second) == (True, False)
        assert has_locks(tmp_path)
    assert not is_held(tmp_path)


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EBADF])
def test_without_locks_a_training_goes_on_and_says_so(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have no locks."""

    def refuse(*_: object) -> None:
        raise OSError(code, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    said: list[str] = []
    with alone(tmp_path, said.append):
        assert ["has no locks" in line for line in said] == [True]


def test_a_folder_is_followed_where_it_goes(tmp_path: Path) -> None:
    """Its name counts for nothing: another folder may have it by now."""
    (tmp_path / "a").mkdir()
    with followed(tmp_path / "a") as place:
        assert place() == tmp_path / "a"
        (tmp_path / "a").rename(tmp_path / "b")
        (tmp_path / "a").mkdir()
        assert place() == tmp_path / "b"
        (tmp_path / "b").rmdir()
        with pytest.raises(UserError, match="was removed or renamed"):
            place()
