"""`specformer attend`: pages and figures of a run, and the mistakes that it explains."""

import re
import shutil
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from compiler.page.svg import text_width
from runtime import load
from runtime.attention.figure import APART, LEAST, SIZE, SMALL, draw
from runtime.attention.observe import Observer, attention_of
from runtime.attention.page import attention_page
from runtime.errors import UserError
from runtime.inference.translator import Translator
from runtime.run import Run
from tests.runtime.command.conftest import Command
from tests.support.browser import needs_browser, visit
from tests.support.cairo import needs_cairo

TEXT, TARGET = "The dog followed its owner.", "Der Hund folgte seinem Besitzer."
SVG = "{http://www.w3.org/2000/svg}"


def test_a_page_shows_what_python_gives(specformer: Command, trained_run: Path) -> None:
    ended = specformer(
        *("attend", trained_run, "--text", TEXT, "--target", TARGET, "--out", "page.html")
    )
    assert ended.code == 0, ended.err
    assert "weights: the " in ended.err
    found = attention_of(Run.open(trained_run), TEXT, TARGET)
    assert Path("page.html").read_text(encoding="utf-8") == attention_page([[found]])
    assert "wrote page.html, " in ended.err


def test_what_load_returns_shows_its_attention(trained_run: Path) -> None:
    loaded = load(trained_run, checkpoint="last", average=1)
    assert isinstance(loaded, Translator)
    found = loaded.attention(TEXT, TARGET)
    assert found.checkpoint == str(Run.open(trained_run, "last").used(1))
    expected = Observer.of(Run.open(trained_run, "last"), average=1).attention(TEXT, TARGET)
    for one, other in zip(found.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    assert found.weights("cross-attention").axes == ("layer", "head", "query", "key")
    assert "<iframe" in found._repr_html_()
    assert "</s>" in loaded.attention(TEXT).streams["source"].tokens, "translated by the network"
    with pytest.raises(UserError, match="not loaded from a run"):
        Translator(loaded.model, *Run.open(trained_run).tokenizers(), loaded.spec).attention(TEXT)


def test_learned_subwords_make_words_and_marks(trained_run: Path) -> None:
    found = attention_of(Run.open(trained_run), TEXT, TARGET)
    source, target = found.streams["source"], found.streams["target"]
    assert source.words == ("The", "dog", "followed", "its", "owner", ".", "</s>")
    assert target.words == ("<s>", "Der", "Hund", "folgte", "seinem", "Besitzer", ".")
    assert len(source.tokens) > len(source.words)


@needs_browser
def test_texts_of_a_file_and_two_runs(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    Path("texts").write_text(f"{TEXT}\nThe lamp was cheap.\n", encoding="utf-8")
    ended = specformer(
        *("attend", trained_run, "--input", "texts", "--against", trained_run),
        *("--out", "page.html"),
    )
    assert ended.code == 0, ended.err
    probe = """
      const select = one("#text");
      select.value = "1";
      send(select, "change");
      return [all("#text option").length, all(".panel").map((each) => each.innerText)];
    """
    visited = visit(Path("page.html"), tmp_path / "visit", probe)
    texts, panels = visited.found
    assert texts == len(panels) == 2
    assert all("the network's own translation" in each for each in panels)
    assert (visited.console, visited.requests) == ([], [])


def test_a_figure_has_a_line_for_each_weight_of_the_token(
    specformer: Command, trained_run: Path
) -> None:
    options = ("--text", TEXT, "--target", TARGET, "--layer", 1, "--head", "2,1", "--token", "its")
    ended = specformer("attend", trained_run, *options, "--words", "--figure", "figure.svg")
    assert ended.code == 0, ended.err
    found = attention_of(Run.open(trained_run), TEXT, TARGET)
    layer = found.layer("encoder self-attention", 1)
    row = found.streams["source"].words.index("its")
    weights = found.words(layer).values[[1, 0], row]
    picture = ElementTree.parse("figure.svg").getroot()
    title = "encoder self-attention, layer 1, head 2, 1"
    assert picture.findtext(f"{SVG}title") == title
    lines = picture.findall(f"{SVG}line")
    opacities = [float(each.attrib["stroke-opacity"]) for each in lines]
    np.testing.assert_allclose(opacities, weights[weights >= LEAST], atol=1e-3)
    ends = {float(each.attrib["x1"]) for each in lines}
    assert max(ends) - min(ends) == pytest.approx(APART), "one head would hide the other"
    texts = picture.findall(f"{SVG}text")
    words = [each.text for each in texts if "transform" in each.attrib]
    assert words == [*found.streams["source"].words] * 2
    said = [each.text for each in texts if "transform" not in each.attrib]
    caption = "encoder self-attention, layer 1"
    assert said == [caption, "head 2", "head 1", "query (reads)", "key (is read)"]
    legend = [each.attrib["fill"] for each in picture.findall(f"{SVG}rect[@class='legend']")]
    assert legend == list(dict.fromkeys(each.attrib["stroke"] for each in lines))


def test_the_caption_of_a_figure_fits_into_it(trained_run: Path) -> None:
    """A text of one word is narrower than the caption, and eight heads need several rows."""
    found = attention_of(Run.open(trained_run), "The", "Der")
    layer = replace(found.layer("encoder self-attention", 1), layer=10)
    heads = np.repeat(layer.weights, 8, axis=0)[:8]
    picture = ElementTree.fromstring(draw(found, replace(layer, weights=heads), range(1, 9)))
    width, height = (float(picture.attrib[each]) for each in ("width", "height"))
    rows = [each for each in picture.findall(f"{SVG}text") if "transform" not in each.attrib]
    for each in rows:
        assert float(each.attrib["x"]) + text_width(each.text or "", SMALL) <= width
        assert float(each.attrib["y"]) < height
    tokens = [each for each in picture.findall(f"{SVG}text") if "transform" in each.attrib]
    highest = min(float(e.attrib["y"]) - text_width(e.text or "", SIZE) for e in tokens)
    assert highest > float(rows[-2].attrib["y"])


@needs_cairo
def test_figures_as_png_and_pdf(specformer: Command, trained_run: Path) -> None:
    for form in ("png", "pdf"):
        options = ("--text", TEXT, "--target", TARGET, "--kind", "cross")
        ended = specformer("attend", trained_run, *options, "--figure", f"figure.{form}")
        assert ended.code == 0, ended.err
    pixels = imread("figure.png")
    assert pixels.min() < 0.5
    assert pixels[0, 0, :3].tolist() == [1, 1, 1]
    assert Path("figure.pdf").read_bytes().startswith(b"%PDF")


def test_without_cairosvg_the_extra_is_named(
    specformer: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    options = ("--text", TEXT, "--target", TARGET, "--figure", "figure.pdf")
    ended = specformer("attend", trained_run, *options)
    assert ended.code == 2
    assert "pip install cairosvg" in ended.err
    assert not Path("figure.pdf").exists()


MISTAKES: dict[str, tuple[list[str], str]] = {
    "nothing": (["--text", TEXT], "nothing is asked for"),
    "no text": (["--out", "page.html"], "there is no text to read"),
    "two origins": (
        ["--text", TEXT, "--input", "texts", "--out", "page.html"],
        "texts are given by --text, and a file of texts by --input",
    ),
    "both": (
        ["--text", TEXT, "--target", TARGET, "--translate", "--out", "page.html"],
        "--target gives what --translate makes",
    ),
    "targets": (
        ["--text", TEXT, "--text", TEXT, "--target", TARGET, "--out", "page.html"],
        "each text needs its target: there are 2 texts and 1 target\n",
    ),
    "more targets": (
        ["--text", TEXT, "--target", TARGET, "--target", TARGET, "--out", "page.html"],
        "each text needs its target: there is 1 text and 2 targets\n",
    ),
    "no head": (
        ["--text", TEXT, "--figure", "a.svg", "--head", ""],
        "--head: expected numbers with commas between, got ''",
    ),
    "empty checkpoint": (
        ["--text", TEXT, "--out", "page.html", "--checkpoint", ""],
        "the name of the checkpoint is empty",
    ),
    "head": (["--text", TEXT, "--figure", "a.svg", "--head", "9"], "there is no head 9 in layer"),
    "heads": (["--text", TEXT, "--figure", "a.svg", "--head", "one"], "expected numbers"),
    "layer": (["--text", TEXT, "--figure", "a.svg", "--layer", "9"], "no encoder self-attention"),
    "no such token": (
        ["--text", TEXT, "--figure", "a.svg", "--token", "x"],
        "no position reads 'x'",
    ),
    "options of a figure": (
        ["--text", TEXT, "--out", "page.html", "--head", "1", "--layer", "1", "--words"],
        "--layer, --head, --words without --figure",
    ),
    "kind": (["--measure", "--kind", "cross"], "--kind without --figure"),
    "token": (["--text", TEXT, "--out", "page.html", "--token", "its"], "--token without --figure"),
    "figure of two runs": (
        ["--text", TEXT, "--figure", "a.svg", "--against", "other"],
        "--figure draws one run, and --against names another",
    ),
    "target without text": (["--measure", "--translate"], "a target belongs to a text"),
    "form": (["--text", TEXT, "--figure", "a.gif"], "does not end in .svg, .pdf or .png"),
    "form of a page": (
        ["--text", TEXT, "--out", "page.svg"],
        "page.svg does not end in .html or .htm",
    ),
    "form of numbers": (["--measure", "--out", "a.html"], "a.html does not end in .md"),
    "empty": (["--text", "", "--out", "page.html"], "--text: the text is empty"),
    "one is empty": (
        ["--text", TEXT, "--text", " ", "--out", "page.html"],
        "--text 2: the text is empty",
    ),
    "empty target": (
        ["--text", TEXT, "--target", "", "--out", "page.html"],
        "--target: the text is empty",
    ),
    "figure of two texts": (
        ["--text", TEXT, "--text", TEXT, "--figure", "a.svg"],
        "--figure draws one text, and there are 2",
    ),
    "token of a target": (
        [
            *("--text", TEXT, "--target", TARGET, "--figure", "a.svg"),
            *("--kind", "decoder", "--words", "--token", "dog"),
        ],
        "no position reads 'dog'",
    ),
    "no such file": (["--input", "nofile", "--out", "page.html"], "help: check its name"),
    "a folder": (["--input", "/", "--out", "page.html"], "help: name a text file in it"),
    "kind of another network": (
        ["--text", TEXT, "--figure", "a.svg", "--layer", "2", "--kind", "cross"],
        "help: it has encoder self-attention 1; decoder self-attention 1; cross-attention 1",
    ),
    "unreadable other run": (
        ["--text", TEXT, "--out", "page.html", "--against", "other"],
        "other is not a run",
    ),
    "no such checkpoint": (
        ["--text", TEXT, "--out", "page.html", "--checkpoint", "3"],
        "has no checkpoint of update 3",
    ),
    "folder": (["--text", TEXT, "--out", "missing/page.html"], "there is no folder missing"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_explained(
    specformer: Command, trained_run: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is found before any weight is loaded."""
    monkeypatch.setattr(Run, "load_model", lambda *_: pytest.fail("the weights were loaded"))
    options, message = MISTAKES[name]
    ended = specformer("attend", trained_run, *options)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not list(Path.cwd().iterdir())


def test_lines_of_a_file_are_named(specformer: Command, trained_run: Path) -> None:
    Path("texts").write_text(f"{TEXT}\n\n", encoding="utf-8")
    ended = specformer("attend", trained_run, "--input", "texts", "--out", "page.html")
    assert (ended.code, "texts, line 2: the text is empty" in ended.err) == (2, True)


def test_unknown_tokens_are_said(specformer: Command, trained_run: Path) -> None:
    options = ("--text", TEXT, "--text", "The 犬 followed.", "--target", TARGET)
    ended = specformer("attend", trained_run, *options, "--target", "Der 犬", "--out", "page.html")
    assert ended.code == 0, ended.err
    assert re.search(r"warning: --text 2: 1 of the \d+ tokens of the text are not in", ended.err)
    assert re.search(r"warning: --text 2: 1 of the \d+ tokens of the target are", ended.err)
    assert "--text 1" not in ended.err
    assert "tokens of the text are not in the vocabulary" in Path("page.html").read_text()


def test_a_run_without_its_weights(specformer: Command, trained_run: Path, tmp_path: Path) -> None:
    """All commands that read weights say so."""
    copied = tmp_path / "run"
    shutil.copytree(trained_run, copied, ignore=shutil.ignore_patterns("checkpoints"))
    Path("texts").write_text(TEXT, encoding="utf-8")
    for arguments in (
        ("attend", copied, "--text", TEXT, "--out", "page.html"),
        ("translate", copied, "--input", "texts"),
        ("evaluate", copied),
    ):
        ended = specformer(*arguments)
        assert ended.code == 2
        assert f"{copied} has no folder checkpoints, where a run keeps its weights" in ended.err
        assert "help: copy the whole folder of the run again" in ended.err


def test_damaged_weights_are_not_said_to_be_used(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    """The help names the checkpoints that are whole, and says so where none is."""
    copied = tmp_path / "copied"
    shutil.copytree(trained_run, copied)
    files = sorted(copied.glob("checkpoints/*/model.safetensors"))
    for whole, help in (
        ("2", "`--checkpoint UPDATE`: 2\n"),
        ("", "no other checkpoint of the run"),
    ):
        for each in files:
            if each.parent.name != f"step-{whole:0>8}":
                each.write_bytes(each.read_bytes()[:-9])
        ended = specformer("attend", copied, "--text", TEXT, "--checkpoint", "4", "--out", "a.html")
        assert ended.code == 2
        assert "weights: " not in ended.err
        assert help in ended.err


def test_runs_of_two_tasks_are_refused(specformer: Command, trained_run: Path) -> None:
    with tarfile.open(Path(__file__).with_name("run-0.2.tar.xz")) as packed:
        packed.extractall(Path.cwd(), filter="data")
    ended = specformer("attend", trained_run, *("--text", TEXT, "--against", "run"), "--measure")
    assert ended.code == 2
    assert "run has `task: language_model`, and" in ended.err
    assert "help: name a run with `task: translation`" in ended.err
    for option in (("--target", TARGET), ("--translate",)):
        ended = specformer("attend", "run", "--text", TEXT, *option, "--out", "page.html")
        assert ended.code == 2
        assert f"{option[0]}: `task: language_model` has no target" in ended.err


def test_numbers_of_two_runs_for_a_text(specformer: Command, trained_run: Path) -> None:
    options = ("--text", TEXT, "--target", TARGET, "--against", trained_run)
    ended = specformer("attend", trained_run, *options, "--measure")
    assert ended.code == 0, ended.err
    assert ended.out.count(f"What each head reads: {trained_run.name}") == 2


def test_numbers_of_two_runs(specformer: Command, trained_run: Path) -> None:
    """The demo corpus has the links beside its texts; nothing depends on the order of calls."""
    options = ("attend", trained_run, "--against", trained_run, "--measure", "--out")
    for name in ("one.md", "other.md"):
        ended = specformer(*options, name)
        assert ended.code == 0, ended.err
    page = Path("one.md").read_text(encoding="utf-8")
    assert page == Path("other.md").read_text(encoding="utf-8")
    assert page.startswith("# Attention of demo, measured\n\n## What each head reads\n")
    assert "it, its → antecedent" in page
    assert "questions of the test set. Baselines: chance " in page
    assert "untrained" in page
    assert "Over training" in page


def test_numbers_of_a_text_alone(specformer: Command, trained_run: Path) -> None:
    ended = specformer("attend", trained_run, "--measure", "--text", TEXT, "--target", TARGET)
    assert ended.code == 0, ended.err
    assert "Means over the positions of 1 text, of" in ended.out
    assert "Pronouns" not in ended.out


def test_numbers_have_no_figure(specformer: Command, trained_run: Path) -> None:
    ended = specformer("attend", trained_run, "--measure", "--figure", "a.svg")
    assert (ended.code, "--measure draws no figure" in ended.err) == (2, True)


@pytest.mark.parametrize("archive", ["run-0.1.tar.xz", "run-0.2.tar.xz"])
def test_runs_of_former_versions(specformer: Command, tmp_path: Path, archive: str) -> None:
    with tarfile.open(Path(__file__).with_name(archive)) as packed:
        packed.extractall(tmp_path, filter="data")
    ended = specformer("attend", "run", "--text", "The dog", "--out", "page.html")
    assert ended.code == 0, ended.err
    (found,) = Observer.of(Run.open(Path("run"))).attentions(["The dog"], [None])
    assert Path("page.html").read_text(encoding="utf-8") == attention_page([[found]])
