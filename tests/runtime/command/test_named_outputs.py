"""Names of files that commands write: their ends, empty and long ones, and what is said of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler.atomic_files import replace_file
from runtime.command.output import PAGE, output_form, write_file
from runtime.command.pictures import FORMS
from runtime.errors import UserError

pytestmark = pytest.mark.quick

Command = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["view", "demo", "--out", "page.svg"], "page.svg does not end in .html or .htm"),
        (["view", "demo", "--out", "page"], "call it page.html"),
        (["plot", "demo", "--out", "curves.html"], "does not end in .svg, .pdf or .png"),
        (["draw", "demo", "--out", "x.docx"], "in .svg, .html, .htm, .mmd, .mermaid, .pdf or .png"),
        (["draw", "demo", "--format", "html", "--out", "x.svg"], "which --format html asks for"),
        (["draw", "demo", "--format", "svg", "--out", "x.html"], "call it x.svg"),
        (["attend", "run", "--text", "a", "--out", "x.svg"], "does not end in .html or .htm"),
        (["attend", "run", "--text", "a", "--figure", "x.html"], "in .svg, .pdf or .png"),
        (["attend", "run", "--measure", "--out", "x.html"], "does not end in .md or .markdown"),
    ],
)
def test_a_name_that_ends_as_another_form_is_refused(
    specformer: Command, tmp_path: Path, arguments: list[str], said: str
) -> None:
    """The run need not exist: the name is refused before anything is read."""
    ended = specformer(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert list(tmp_path.iterdir()) == []


def test_devices_and_pipes_have_no_form_in_their_names() -> None:
    device = Path("/dev/null")
    assert output_form(device, PAGE, force=True) == "html"
    assert output_form(device, FORMS, "pdf", force=True) == "pdf"
    assert output_form(Path("X.PNG"), FORMS, force=True) == "png"


@pytest.mark.parametrize(
    "arguments",
    [
        *(["draw", ""], ["conform", ""], ["plot", "demo", ""], ["view", "", "--out", "p.html"]),
        *(["check", ""], ["train", ""], ["translate", ""], ["attend", "", "--measure"]),
        *(["view", "demo", "--out", ""], ["draw", "demo", "--against", ""]),
        *(["compile", "demo", "-o", ""], ["translate", "run", "--input", ""]),
    ],
    ids=" ".join,
)
def test_an_empty_name_has_one_answer(specformer: Command, arguments: list[str]) -> None:
    ended = specformer(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("the name is empty\nhelp: name a file, a folder or a spec\n")


@pytest.mark.parametrize("command", [("draw", "demo"), ("plot", "demo"), ("view", "demo")])
def test_what_was_written_is_said_in_one_way(
    specformer: Command, command: tuple[str, ...], tmp_path: Path
) -> None:
    name = "page.html" if command[0] == "view" else "picture.svg"
    ended = specformer(*command, "--out", name)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith(f"wrote {name}, ")
    assert ended.err.endswith(" kB\n")
    size = (tmp_path / name).stat().st_size
    assert abs(float(ended.err.split()[-2]) * 1000 - size) <= size / 100


def test_small_files_are_counted_in_bytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path / "a.svg", "ä" * 10, force=False)
    assert capsys.readouterr().err == f"wrote {tmp_path / 'a.svg'}, 20 bytes\n"


def test_errors_name_the_file_that_was_asked_for(specformer: Command, tmp_path: Path) -> None:
    """Nothing is said of the hidden file that is written first."""
    for command in ("draw", "plot"):
        ended = specformer(command, "demo", "--out", "/proc/x.svg")
        assert ended.code == 2
        assert "/proc/x.svg cannot be written" in ended.err
        assert "help: name one in another folder" in ended.err
        ended = specformer(command, "demo", "--out", f"{'x' * 300}.svg")
        assert "its name is too long\nhelp: choose a shorter one" in ended.err
        assert "unfinished" not in ended.err
    with pytest.raises(OSError, match="/proc/x") as caught:
        replace_file(Path("/proc/x.svg"), b"")
    assert caught.value.filename == "/proc/x.svg"
    with pytest.raises(OSError, match="too long"):
        replace_file(tmp_path / ("x" * 300), b"")
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_writing_fails_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(UserError, match="exists already"):
        write_file(path, "new", force=False)
    write_file(path, "new", force=True)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_cannot_be_read_have_a_way_out(specformer: Command) -> None:
    ended = specformer("import-weights", "demo", "--map", "no.yaml", "--from", "x", "--out", "w.pt")
    assert "w.pt does not end in .safetensors" in ended.err
    ended = specformer("compile", "demo", "--output", "/proc/x")
    assert ended.err.startswith("error: /proc/x: No such file or directory\nhelp: ")
