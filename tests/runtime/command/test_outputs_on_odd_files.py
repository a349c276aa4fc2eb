"""Where a command writes: devices, pipes, links and hidden neighbours keep what they are."""

import os
import threading
from pathlib import Path

import pytest

from compiler.atomic_files import put_folder, replace_file
from runtime.command.output import new_text_file
from runtime.errors import UserError
from runtime.system.atomic_files import new_folder, remove_unfinished
from tests.runtime.command.conftest import Command

pytestmark = pytest.mark.quick


def write(path: Path, text: str = "new\n") -> None:
    with new_text_file(path, force=True) as file:
        file.write(text)


def test_a_device_is_written_into_and_stays(tmp_path: Path) -> None:
    """/dev/null by a link: whoever may replace the device itself would lose it for the machine."""
    null = tmp_path / "null"
    null.symlink_to("/dev/null")
    write(null)
    replace_file(null, b"new")
    assert null.is_symlink()
    assert Path("/dev/null").is_char_device()
    if os.access("/dev/full", os.W_OK):
        with pytest.raises(UserError, match="disk is full"):
            write(Path("/dev/full"))


def test_a_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write(pipe)
    reader.join()
    assert (read, pipe.is_fifo()) == (["new\n"], True)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    link.symlink_to(target)
    write(link)
    assert (link.is_symlink(), target.read_text()) == (True, "new\n")
    replace_file(link, b"newer")
    assert (link.is_symlink(), target.read_text()) == (True, "newer")


@pytest.mark.parametrize("is_folder", [True, False])
def test_hidden_neighbours_stay_and_block_nothing(is_folder: bool, tmp_path: Path) -> None:
    for name in ("out", "run", "a.txt"):
        neighbour = tmp_path / f".{name}.unfinished"
        neighbour.mkdir() if is_folder else neighbour.write_text("mine")
    write(tmp_path / "a.txt")
    replace_file(tmp_path / "out", b"new")
    with new_folder(tmp_path / "run") as folder:
        (folder / "file").write_text("new")
    assert len(list(tmp_path.glob(".*.unfinished"))) == 3


def test_leftovers_of_any_kind_are_removed_from_folders_of_ours(tmp_path: Path) -> None:
    (tmp_path / ".one.unfinished").write_text("half")
    (tmp_path / ".two.unfinished").mkdir()
    (tmp_path / ".three.unfinished").symlink_to(tmp_path.parent)
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.parent.is_dir()


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_takes_the_place_of_another(
    can_exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_exchange:
        monkeypatch.setattr("compiler.atomic_files._exchange", lambda *_: False)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    replaced = put_folder(tmp_path / "new", tmp_path / "old")
    assert replaced is not None
    assert (tmp_path / "old" / "file").read_text() == "new"
    assert (replaced / "file").read_text() == "old"


ESCAPE = "\x1b]0;title\x07\x1b[2J\r\x9b31m\u202e"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", f"no{ESCAPE}.yaml"),
        ("check", f"{ESCAPE}/spec.yaml"),
        ("compile", f"{ESCAPE}/spec.yaml"),
        ("explain", f"{ESCAPE}"),
        ("translate", f"{ESCAPE}/run"),
        ("score", "--hypothesis", f"{ESCAPE}", "--reference", "x"),
        ("diff", f"{ESCAPE}/spec.yaml", "demo"),
        ("ablate", f"{ESCAPE}/ablation.yaml", "--dry-run"),
        ("eject", f"{ESCAPE}"),
        ("new", f"{ESCAPE}"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_escape_sequence_reaches_the_terminal(
    arguments: tuple[str, ...], specformer: Command, tmp_path: Path
) -> None:
    folder = tmp_path / ESCAPE
    folder.mkdir()
    (folder / "spec.yaml").write_text("name: demo\nextends: demo\nmodel: {dropout: 3}\n")
    (folder / "ablation.yaml").write_text(
        f'ablation: table\nbase: demo\ngroups:\n  "{ESCAPE!a}":\n    rows: []\n'.replace("'", "")
    )
    ended = specformer(*arguments)
    said = ended.out + ended.err
    assert said
    assert [each for each in ESCAPE if not each.isprintable() and each in said] == []
