"""`specformer draw`: what it writes, and what it refuses."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.support.cairo import needs_cairo

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]


def draw(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime", "draw", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo"], "Masked Multi-Head Attention"),
        (["demo", "--part", "encoder.feed_forward"], "ReLU"),
        (["demo", "--set", "model.attention.heads=8", "--against", "demo"], "8 heads of 16"),
        (["local-global", "--receptive-field"], "layer 1: up to 9 positions"),
        (["--mask", "causal & (window(4) | first(2))"], "window(4)"),
    ],
)
def test_pictures(arguments: list[str], words: str) -> None:
    done = draw(*arguments)
    assert done.returncode == 0, done.stderr
    texts = [each.text or "" for each in ElementTree.fromstring(done.stdout).iter()]
    assert any(words in each for each in texts)


def test_the_name_of_the_file_chooses_the_form(tmp_path: Path) -> None:
    beginnings = {"a.svg": "<svg", "a.html": "<!doctype html>", "a.mmd": "flowchart BT"}
    for name, beginning in beginnings.items():
        done = draw("demo", "--out", str(tmp_path / name))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(beginning)
    other = tmp_path / "picture.txt"
    assert draw("demo", "--out", str(other), "--format", "mermaid").returncode == 0
    assert other.read_text(encoding="utf-8").startswith("flowchart BT")
    assert "exists already" in draw("demo", "--out", str(tmp_path / "a.svg")).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "`draw` needs a spec, or a mask"),
        (["no-such-spec"], "no-such-spec"),
        (["demo", "--part", "decoder.self_atention"], "did you mean `decoder.self_attention`?"),
        (["demo", "--out", "x.jpg"], "in .svg, .html, .htm, .mmd, .mermaid, .pdf or .png"),
        (["demo", "--out", "picture"], "call it picture.svg"),
        (["demo", "--part", "attention"], "encoder.self_attention, encoder.feed_forward"),
        (["--mask", "causl & window(2)"], "did you mean `causal`?"),
        (["--mask", "causal &"], "character 9"),
        (["--mask", "window(-1)"], "character 8: expected a whole number from 0 to"),
        (["--mask", "window(1.5)"], "character 8: expected a whole number from 0 to"),
        (["--mask", ""], "--mask is empty"),
        (["demo", "--part", ""], "--part is empty"),
        (["demo", "--part", " "], "--part is empty"),
        (["demo", "--mask", "causal"], "--mask draws a mask alone, without demo"),
        (["--mask", "causal", "--format", "mermaid"], "Mermaid draws no matrices"),
        (["demo", "--receptive-field", "--part", "x"], "without --part"),
        (["demo", "--set", "model.decoder.self_attention.mask=window(8)"], "not-causal"),
    ],
)
def test_mistakes_get_one_explained_error(arguments: list[str], message: str) -> None:
    done = draw(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


@needs_cairo
@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.pdf", b"%PDF")])
def test_png_and_pdf(tmp_path: Path, name: str, begins: bytes) -> None:
    ended = draw("--mask", "causal", "--out", str(tmp_path / name))
    assert ended.returncode == 0
    assert (tmp_path / name).read_bytes().startswith(begins)
