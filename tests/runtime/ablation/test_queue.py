"""The queue: written whole or not at all, kept when files change, run by one command at a time."""

import errno
from pathlib import Path
from typing import Any

import pytest

from compiler.spec.lock import LOCK, read_lock
from runtime.ablation.queue import add_to_queue, changes, owned_folder, read_queue
from runtime.ablation.record import DIFFERENCE, PACKAGE, QUEUE, ROWS, Queue
from runtime.command.ablate import counted
from runtime.errors import UserError
from tests.runtime.ablation.conftest import Enqueue, wanted

pytestmark = pytest.mark.quick


def queued(folder: Path) -> Queue:
    queue = read_queue(folder)
    assert queue is not None
    return queue


def test_what_is_queued_is_what_will_run(enqueue: Enqueue, out: Path) -> None:
    base, row = enqueue()
    queue = queued(out)
    assert [each.name for each in queue.queued] == [base.name, row.name]
    assert queue.queued[1].settings == {"model.attention.heads": "1"}
    assert queue.varied == {"model.attention.heads": "2"}
    assert "HEADS = 1" in (row / PACKAGE / "model.py").read_text()
    assert "attention.heads" in (row / DIFFERENCE).read_text()
    assert not (base / DIFFERENCE).exists()
    assert read_lock(row / PACKAGE / LOCK).training.seed == 1
    first, second = (each.locked for each in queue.queued)
    assert (first.data, first.protocol) == (second.data, second.protocol)
    assert first.spec != second.spec
    assert first.code != second.code


def test_seeds_of_a_row_have_the_same_code(enqueue: Enqueue, file: Path, out: Path) -> None:
    file.write_text(file.read_text() + "seeds: [5, 6]\n")
    enqueue()
    one, other, *_ = (each.locked for each in queued(out).queued)
    assert one.code == other.code
    assert one.spec != other.spec


def test_an_edit_leaves_what_is_queued_and_is_told(
    enqueue: Enqueue, file: Path, spec: Path, out: Path
) -> None:
    enqueue()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    spec.write_text(spec.read_text().replace("steps: 30", "steps: 31"))
    found = changes(out, queued(out), wanted(file))
    assert found.added == ()
    assert found.lines == (
        "base-seed1, heads-1-seed1: training.steps was 30, is 31 now; "
        "what was queued stays as it is",
    )
    enqueue()
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_new_rows_join_the_queue_and_old_ones_stay(enqueue: Enqueue, file: Path, out: Path) -> None:
    enqueue()
    file.write_text(file.read_text().replace("heads: [1]", "heads: [4, 8]"))
    found = changes(out, queued(out), wanted(file))
    assert found.added == ("heads-4-seed1", "heads-8-seed1")
    assert found.lines == ("heads-1-seed1: no longer in the file; what was queued stays",)
    enqueue()
    rows = [each.row for each in queued(out).queued]
    assert rows == ["base", "heads-4", "heads-8", "heads-1"]


def test_a_row_that_was_moved_away_is_queued_anew(
    enqueue: Enqueue, file: Path, out: Path, tmp_path: Path
) -> None:
    base, row = enqueue()
    before = queued(out)
    row.rename(tmp_path / "away")
    assert changes(out, before, wanted(file)).added == (row.name,)
    assert enqueue() == [base, row]
    assert queued(out) == before
    assert (row / PACKAGE / LOCK).is_file()


def test_a_base_that_was_moved_away_is_queued_anew_only_if_it_is_the_same(
    enqueue: Enqueue, file: Path, spec: Path, out: Path, tmp_path: Path
) -> None:
    base, _ = enqueue()
    base.rename(tmp_path / "away")
    assert changes(out, queued(out), wanted(file)).added == (base.name,)
    spec.write_text(spec.read_text().replace("steps: 30", "steps: 31"))
    with pytest.raises(UserError, match="the base has changed since it was queued"):
        changes(out, queued(out), wanted(file))


def test_new_rows_do_not_join_another_base(
    enqueue: Enqueue, file: Path, spec: Path, out: Path
) -> None:
    enqueue()
    spec.write_text(spec.read_text().replace("steps: 30", "steps: 31"))
    file.write_text(file.read_text().replace("heads: [1]", "heads: [4]"))
    with pytest.raises(UserError, match=r"training\.steps was 30, is 31 now.*heads-4-seed1"):
        changes(out, queued(out), wanted(file))


def test_a_full_disk_leaves_no_half_of_a_queue(
    enqueue: Enqueue, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("runtime.ablation.record.replace_file", full)
        with pytest.raises(UserError, match="the disk is full"):
            enqueue()
    assert not out.exists()
    assert len(enqueue()) == 2


def test_a_full_disk_leaves_the_old_queue(
    enqueue: Enqueue, file: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue()
    before = sorted(out.rglob("*"))
    file.write_text(file.read_text().replace("heads: [1]", "heads: [1, 4]"))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("runtime.ablation.record.replace_file", full)
    with pytest.raises(UserError, match="the disk is full"):
        enqueue()
    assert sorted(out.rglob("*")) == before


def test_a_kill_while_queueing_leaves_nothing_that_counts(enqueue: Enqueue, out: Path) -> None:
    leftover = out / ROWS / "base-seed1" / PACKAGE
    leftover.mkdir(parents=True)
    (leftover / "model.py").write_text("half of a mo")
    (out / ROWS / ".heads-1-seed1.unfinished").mkdir()
    base, _ = enqueue()
    assert (base / PACKAGE / "model.py").read_text().startswith('"""tiny')


def test_missing_text_is_told_before_anything_is_queued(
    enqueue: Enqueue, text: Path, out: Path
) -> None:
    (text / "test.target").unlink()
    with pytest.raises(UserError, match=r"there is no file .*test\.target"):
        enqueue()
    assert not out.exists()


def test_a_folder_of_something_else_is_left_alone(enqueue: Enqueue, out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("\\begin")
    with pytest.raises(UserError, match="is not the folder of an ablation"):
        enqueue()


def test_two_commands_do_not_run_one_queue(enqueue: Enqueue, file: Path, out: Path) -> None:
    enqueue()
    with (
        owned_folder(out),
        pytest.raises(UserError, match="another process runs the ablation"),
        owned_folder(out),
    ):
        pass
    with owned_folder(out):
        add_to_queue(out, wanted(file), lambda _: "")
    assert (out / QUEUE).is_file()


@pytest.mark.parametrize(("dropout", "expected"), [("0", "packed"), ("0.1", "padded")])
def test_epochs_are_counted_in_the_batches_that_a_row_can_have(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropout: str, expected: str
) -> None:
    """Dropout of attention weights keeps a network from being packed."""
    kinds: list[str] = []

    def updates_of(_spec: object, _prepared: object, kind: str) -> int:
        kinds.append(kind)
        return 20

    monkeypatch.setattr("runtime.training.update.updates_of", updates_of)
    settings = ("training.epochs=2", "training.steps=null", "training.batching=packed")
    expansion = wanted(file, *settings, f"model.attention.dropout={dropout}")
    counted(expansion, tmp_path / "cache", "cpu")
    assert kinds == [expected] * 2
