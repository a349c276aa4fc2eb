"""Pictures that commands write, in the form that the name of their file asks for."""

import sys
from pathlib import Path

import pytest

from compiler.page.svg import picture, text
from runtime.command.pictures import FINE, check_picture, write_picture
from runtime.errors import UserError
from tests.support.cairo import needs_cairo

pytestmark = pytest.mark.quick
SVG = picture(60, 30, [text(10, 20, "words")], title="a picture")


def test_an_svg_is_written_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "picture.SVG"
    write_picture(SVG, path, force=False)
    assert path.read_text(encoding="utf-8") == SVG
    assert capsys.readouterr().err == f"wrote {path}, {len(SVG)} bytes\n"


def test_a_device_has_no_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = tmp_path / "null.svg"
    link.symlink_to("/dev/null")
    write_picture(SVG, link, force=True)
    assert capsys.readouterr().err == ""


@needs_cairo
def test_a_png_has_two_pixels_for_one(tmp_path: Path) -> None:
    from matplotlib.image import imread

    path = tmp_path / "picture.png"
    write_picture(SVG, path, force=False)
    pixels = imread(path)
    assert pixels.shape[:2] == (30 * FINE, 60 * FINE)
    assert pixels[0, 0, :3].tolist() == [1, 1, 1]
    assert pixels[:, :, :3].min() < 0.5


@needs_cairo
def test_a_pdf(tmp_path: Path) -> None:
    path = tmp_path / "picture.pdf"
    write_picture(SVG, path, force=False)
    assert path.read_bytes().startswith(b"%PDF")


@needs_cairo
def test_a_png_that_is_too_large_is_refused(tmp_path: Path) -> None:
    wide = picture(20_000, 30, [], title="wide")
    with pytest.raises(UserError, match="40,000 x 60 pixels") as caught:
        write_picture(wide, tmp_path / "wide.png", force=False)
    assert ".pdf" in caught.value.help
    write_picture(wide, tmp_path / "wide.pdf", force=False)
    assert [each.name for each in tmp_path.iterdir()] == ["wide.pdf"]


@pytest.mark.parametrize(
    ("name", "said"), [("a.gif", "gif does not end in .svg"), ("a", "a does not end in .svg")]
)
def test_other_forms_are_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        check_picture(tmp_path / name, force=False)
    assert caught.value.help == "call it a.svg"


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_without_cairosvg_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(UserError, match=f"a {form.upper()} needs cairosvg") as caught:
        check_picture(tmp_path / f"a.{form}", force=False)
    assert "pip install cairosvg" in caught.value.help


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        write_picture(SVG, path, force=False)
    assert path.read_text() == "mine"
