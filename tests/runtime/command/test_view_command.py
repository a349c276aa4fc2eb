"""`view`: a page with a spec and its code, opened in the system's browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Visit, needs_browser, visit

Command = Callable[..., Any]
CHILD = """\
extends: demo
name: child
model:
  feed_forward: {d_ff: 64}
"""
ROW = """
const row = (side, text) => all(`#${side} .row`).find(
  (each) => each.querySelector("span").textContent.trim() === text);
const lit = (side) => all(`#${side} .on span`).map((each) => each.textContent.trim());
"""


@pytest.fixture
def page(specformer: Command, tmp_path: Path) -> Path:
    (tmp_path / "child.yaml").write_text(CHILD)
    assert specformer("view", "child.yaml", "--out", "page.html").code == 0
    return tmp_path / "page.html"


def look(page: Path, probe: str) -> Visit:
    seen = visit(page, page.parent / "visit", ROW + probe)
    assert (seen.console, seen.requests) == ([], [])
    return seen


@needs_browser
def test_pointing_at_a_setting_shows_its_code(page: Path) -> None:
    seen = look(
        page,
        """
        point(row("spec", "feed_forward: {d_ff: 64}"), "mouseover");
        return [lit("code"), lit("spec"), all("#lines path").length, one("#settings").textContent];
        """,
    )
    code, spec, curves, settings = seen.found
    assert "D_FF = 64" in code
    assert "class FeedForward(nn.Module):" in code
    assert "D_MODEL = 128" not in code
    assert spec == ["feed_forward: {d_ff: 64}"]
    assert curves > 0
    assert settings.count("model.feed_forwardsection") == 1
    assert "model.feed_forward.d_ff64child.yaml:4:24" in settings


@needs_browser
def test_pointing_at_code_shows_its_setting_in_the_parent(page: Path) -> None:
    """The setting lies in the spec that is extended: its tab says so, and a click opens it."""
    seen = look(
        page,
        """
        point(row("code", "HEADS = 4"), "mouseover");
        const before = [lit("spec"), all("#spec-tabs button").map((each) => each.textContent)];
        point(row("code", "HEADS = 4"), "click");
        return [...before, lit("spec"), one("#settings").textContent];
        """,
    )
    before, tabs, after, settings = seen.found
    assert before == []
    assert tabs[0] == "child.yaml"
    assert tabs[1] == "demo.yaml1"
    assert after == ["attention: {heads: 4}"]
    assert "model.attention.heads" in settings


@needs_browser
def test_a_click_keeps_a_line_until_escape(page: Path) -> None:
    seen = look(
        page,
        """
        point(row("code", "D_FF = 64"), "click");
        point(row("code", "HEADS = 4"), "mouseover");
        const kept = lit("code");
        send(document, "keydown", { key: "Escape" });
        return [kept, lit("code")];
        """,
    )
    assert seen.found == [["D_FF = 64"], []]


@needs_browser
def test_keys_move_from_line_to_line(page: Path) -> None:
    seen = look(
        page,
        """
        row("code", "D_FF = 64").focus();
        send(document, "keydown", { key: "ArrowUp" });
        const focused = document.activeElement.querySelector("span").textContent;
        send(document, "keydown", { key: "Enter" });
        return [focused, all(".pinned").length];
        """,
    )
    assert seen.found == ["D_V = 32", 1]


@needs_browser
def test_edited_lines_are_marked(specformer: Command, page: Path) -> None:
    folder = page.parent
    assert specformer("compile", "child.yaml").code == 0
    model = folder / "generated/child/model.py"
    model.write_text(model.read_text().replace("D_FF = 64\n", "D_FF = 65\n"))
    assert specformer("view", "generated/child", "--out", "page.html", "--force").code == 0
    seen = look(
        page,
        """
        point(row("code", "D_FF = 65"), "mouseover");
        const edited = all(".edited span").map((each) => each.textContent);
        return [edited, one("#settings").textContent];
        """,
    )
    assert seen.found == [["D_FF = 65"], "No setting explains this line: edited by hand."]


@pytest.mark.quick
def test_a_page_is_one_file_that_is_not_replaced_unasked(specformer: Command, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text) < 2**20
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert str(Path(__file__).parents[3]) not in text
    again = specformer("view", "demo", "--out", "page.html")
    assert (again.code, again.out) == (2, "")
    assert "page.html exists already" in again.err
    compiled = specformer("view", "nothing.yaml", "--out", "other.html")
    assert compiled.code == 2
    assert "error[no-spec]" in compiled.err


@pytest.mark.quick
def test_what_cannot_be_shown_is_explained(specformer: Command, tmp_path: Path) -> None:
    (tmp_path / "self.yaml").write_text("extends: self.yaml\nname: self\n")
    ended = specformer("view", "self.yaml", "--out", "page.html")
    assert (ended.code, ended.out) == (2, "")
    assert "self.yaml:1:10: error[extends-cycle]: a spec cannot extend itself" in ended.err
    ended = specformer("view", "demo", "--out", "page.pdf")
    assert (ended.code, ended.out) == (2, "")
    assert "page.pdf does not end in .html or .htm\nhelp: call it page.html" in ended.err
    assert not (tmp_path / "page.html").exists()
    ended = specformer("view", "demo", "--out", "page.html")
    assert ended.code == 0
    assert "wrote page.html, " in ended.err
