"""A browser measures the pictures, and shows what is pointed at; Mermaid parses its flowcharts."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from compiler.draw.drawing import Drawing, picture_of, read_drawing, written
from compiler.draw.part import part_names
from compiler.spec.library import library
from compiler.spec.load import load
from tests.support.browser import needs_browser, visit

MERMAID, JSDOM = "11.12.1", "26.1.0"
PARSER = Path(__file__).parents[2] / "support" / "mermaid_parse.mjs"
PLACE = os.environ.get("MERMAID_FOLDER", "")
MEASURE = """
    const inside = (inner, outer) => inner.x >= outer.x - 0.5 && inner.y >= outer.y - 0.5
      && inner.x + inner.width <= outer.x + outer.width + 0.5
      && inner.y + inner.height <= outer.y + outer.height + 0.5;
    const apart = (a, b) => a.x + a.width <= b.x + 0.5 || b.x + b.width <= a.x + 0.5
      || a.y + a.height <= b.y + 0.5 || b.y + b.height <= a.y + 0.5;
    const faults = [];
    let texts = 0;
    for (const svg of all("main svg")) {
      const title = svg.querySelector("title").textContent;
      for (const node of svg.querySelectorAll(".node")) {
        const boxes = [...node.querySelectorAll(":scope > rect")];
        const words = [...node.querySelectorAll("text")];
        texts += words.length;
        for (const each of boxes.length ? words : []) {
          if (!inside(each.getBBox(), boxes.at(-1).getBBox()))
            faults.push(`${title}: ${each.textContent} leaves its box`);
        }
        words.forEach((one, number) => words.slice(number + 1).forEach((other) => {
          const [a, b] = [one.getBBox(), other.getBBox()];
          if (!apart(a, { ...b, x: b.x, y: b.y + 3, width: b.width, height: b.height - 6 }))
            faults.push(`${title}: ${one.textContent} overlaps ${other.textContent}`);
        }));
      }
      const whole = svg.getBoundingClientRect();
      const nodes = [...svg.querySelectorAll(".node")].map((e) => e.getBoundingClientRect());
      for (const label of svg.querySelectorAll("text.label")) {
        texts += 1;
        const box = label.getBoundingClientRect();
        if (!inside(box, whole)) faults.push(`${title}: ${label.textContent} is cut`);
        if (!nodes.every((node) => apart(node, box)))
          faults.push(`${title}: ${label.textContent} is on a box`);
      }
    }
    return { faults, texts, pictures: all("main svg").length };
"""


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    return [read_drawing(load(name)) for name in library()]


@needs_browser
def test_in_a_browser_no_text_of_the_library_is_cut(
    drawings: list[Drawing], tmp_path: Path
) -> None:
    shown = [picture_of([each]) for each in drawings]
    shown += [picture_of([each], part) for each in drawings for part in part_names(each.calls)]
    page = tmp_path / "library.html"
    pictures = "\n".join(written(each, "svg") for each in shown)
    page.write_text(f"<!doctype html><body><main>{pictures}</main></body>", encoding="utf-8")
    found = visit(page, tmp_path / "visit", MEASURE).found
    assert found["pictures"] == len(shown)
    assert found["texts"] > 20 * len(drawings)
    assert not found["faults"], "\n".join(found["faults"])


@needs_browser
def test_a_page_shows_what_is_pointed_at(tmp_path: Path) -> None:
    page = tmp_path / "demo.html"
    page.write_text(written(picture_of([read_drawing(load("demo"))]), "html"), encoding="utf-8")
    probe = """
        const node = one('[data-key="0:decoder.0.self_attention"]');
        const before = one("#facts").hidden;
        send(node, "mouseenter");
        const pointed = one("#facts").innerText;
        send(node, "mouseleave");
        const left = one("#facts").hidden;
        one('[data-key="0:decoder.0.feed_forward"]').focus();
        const focused = one("#facts").innerText;
        send(document, "keydown", { key: "Escape" });
        return { before, pointed, left, focused, after: one("#facts").hidden };
    """
    seen = visit(page, tmp_path / "visit", probe)
    assert [seen.found[each] for each in ("before", "left", "after")] == [True] * 3
    assert "Masked Multi-Head Attention" in seen.found["pointed"]
    assert "65,536" in seen.found["pointed"]
    assert "[batch, target, 128]" in seen.found["pointed"]
    assert "Feed Forward" in seen.found["focused"]
    assert seen.console == []
    assert [each for each in seen.requests if not each.startswith("file:")] == []


@pytest.mark.skipif(
    not PLACE or shutil.which("node") is None,
    reason=f"MERMAID_FOLDER names no folder with `npm install mermaid@{MERMAID} jsdom@{JSDOM}`",
)
def test_mermaid_parses_all_flowcharts(drawings: list[Drawing], tmp_path: Path) -> None:
    for number, each in enumerate(drawings):
        forms = {"whole": picture_of([each]), "compared": picture_of([drawings[0], each])}
        forms |= {part: picture_of([each], part) for part in part_names(each.calls)}
        for name, shown in forms.items():
            (tmp_path / f"{number}-{name}.mmd").write_text(written(shown, "mermaid"))
    (tmp_path / "broken.mmd").write_text('flowchart BT\n  a["one" --> b')
    done = subprocess.run(
        ["node", str(PARSER), PLACE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert [name for name, _ in json.loads(done.stdout)] == ["broken.mmd"]
