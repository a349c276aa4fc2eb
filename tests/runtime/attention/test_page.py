"""The page shows the network's weights to 8 bits, and works in a browser without a network."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from runtime.attention.attention import Attention
from runtime.attention.page import LEVELS, attention_page, framed
from tests.support.attention import TEXT, random_observer
from tests.support.browser import needs_browser, visit

TARGET = "so far the for@@ est"
DATA = re.compile(r'id="data">(.*?)</script>', re.DOTALL)


def seen(folder: Path, reference: str = "demo") -> Attention:
    observer = random_observer(reference, folder)
    is_translation = observer.run.package.spec.task == "translation"
    return observer.attention(TEXT, TARGET if is_translation else None)


def data_of(page: str) -> Any:
    found = DATA.search(page)
    assert found
    return json.loads(found[1])


def write(folder: Path, *texts: list[Attention]) -> Path:
    page = folder / "page.html"
    page.write_text(attention_page(texts), encoding="utf-8")
    return page


@pytest.mark.quick
def test_weights_of_the_page_are_those_of_the_network_to_8_bits(tmp_path: Path) -> None:
    found = seen(tmp_path)
    (panel,) = data_of(attention_page([[found]]))["texts"][0]["panels"]
    for layer, written in zip(found.layers, panel["layers"], strict=True):
        assert (layer.kind, layer.layer) == (written["kind"], written["layer"])
        read = np.frombuffer(base64.b64decode(written["weights"]), np.uint8) / LEVELS
        difference = np.abs(read.reshape(layer.weights.shape) - layer.weights)
        assert difference.max() <= 0.5 / LEVELS + 1e-6
        for head, number in enumerate(written["masks"]):
            bits = np.frombuffer(base64.b64decode(panel["masks"][number]["bits"]), np.uint8)
            allowed = layer.allowed[head]
            np.testing.assert_array_equal(np.unpackbits(bits)[: allowed.size], allowed.ravel())


@pytest.mark.quick
def test_a_page_of_the_base_model_and_60_tokens_is_smaller_than_2_megabytes(tmp_path: Path) -> None:
    settings = ("model.d_model=48", "model.feed_forward.d_ff=8", "model.attention.heads=8")
    observer = random_observer("transformer-base", tmp_path, *settings)
    text, target = " ".join(["dog"] * 59), " ".join(["far"] * 59)
    found = observer.attention(text, target)
    assert {each.weights.shape for each in found.layers} == {(8, 60, 60)}
    assert len(found.layers) == 18
    begun = perf_counter()
    assert len(attention_page([[found]]).encode()) < 2_000_000
    assert perf_counter() - begun < 10


@pytest.mark.quick
def test_a_notebook_shows_the_page_in_a_frame(tmp_path: Path) -> None:
    found = seen(tmp_path)
    assert found._repr_html_() == framed([found])
    assert 'sandbox="allow-scripts"' in found._repr_html_()


@needs_browser
def test_pointing_and_clicking(tmp_path: Path) -> None:
    """Lines of one token alone, heads one by one, another layer, words, and the keyboard."""
    probe = """
      const count = () => all("svg line").length;
      const heads = () => [...new Set(all("svg line").map((each) => each.dataset.head))];
      const click = (selector) => one(selector).click();
      const found = { all: count(), heads: heads() };
      const token = all("[data-side=query]")[1];
      send(token, "mouseenter", { bubbles: false });
      found.hovered = [...new Set(all("svg line").map((each) => each.dataset.query))];
      found.readout = one("#readout").textContent;
      send(token, "mouseleave", { bubbles: false });
      found.after = count();
      send(all("[data-side=key]")[3], "click");
      found.pinned = [...new Set(all("svg line").map((each) => each.dataset.key))];
      send(document.body, "keydown", { key: "Escape" });
      found.released = count();
      click("[data-choice=heads] [data-head='0']");
      found.without = heads();
      click("#every");
      send(document.body, "keydown", { key: "ArrowRight" });
      found.alone = heads();
      click("[data-value='cross-attention']");
      click("[data-choice=layer] [data-value='1']");
      found.tokens = all("[data-side=key]").length;
      click("#words");
      found.words = all("[data-side=key]").map((each) => each.textContent);
      click("[data-value='all heads']");
      found.grid = all(".grid canvas").length;
      all(".grid button")[5].click();
      found.chosen = [one("[data-choice=layer] [aria-pressed=true]").dataset.value, heads()];
      click("[data-value=matrix]");
      found.matrices = all("svg.matrix image").length;
      found.caption = one(".caption").textContent;
      return found;
    """
    visited = visit(write(tmp_path, [seen(tmp_path)]), tmp_path / "visit", probe)
    assert (visited.console, visited.requests) == ([], [])
    found = visited.found
    assert found["heads"] == ["0", "1", "2", "3"]
    assert found["hovered"] == ["1"]
    assert found["readout"].startswith("largest weight from “dog”: head 1: ")
    assert found["pinned"] == ["3"]
    assert found["all"] == found["after"] == found["released"]
    assert found["without"] == ["1", "2", "3"]
    assert found["alone"] == ["0"]
    assert found["tokens"] == 12
    assert found["words"][2] == "followed"
    assert found["grid"] == 3 * 2 * 4
    assert found["chosen"] == ["2", ["1"]]
    assert found["matrices"] == 1
    assert found["caption"] == "encoder self-attention, layer 2 head 2"


@needs_browser
def test_lines_have_the_weights_of_the_network(tmp_path: Path) -> None:
    seen_here = seen(tmp_path)
    probe = """
      return all("svg line").map((each) => [each.dataset.head, each.dataset.query,
        each.dataset.key, each.getAttribute("stroke-opacity")].map(Number));
    """
    visited = visit(write(tmp_path, [seen_here]), tmp_path / "visit", probe)
    weights = seen_here.layer("encoder self-attention", 2).weights
    drawn = np.zeros_like(weights)
    for head, query, key, opacity in visited.found:
        drawn[int(head), int(query), int(key)] = opacity
    np.testing.assert_allclose(drawn, np.where(drawn > 0, weights, 0), atol=0.5 / LEVELS + 1e-3)
    assert weights[drawn == 0].max() < 0.015


@needs_browser
def test_a_run_with_recurrences_says_so_in_every_view(tmp_path: Path) -> None:
    """There is no heading with nothing below."""
    panels = [seen(tmp_path / "one"), seen(tmp_path / "other", "lstm")]
    probe = """
      return ["lines", "matrix", "all heads"].map((view) => {
        one(`[data-value="${view}"]`).click();
        return all(".panel")[1].innerText;
      });
    """
    visited = visit(write(tmp_path, panels), tmp_path / "visit", probe)
    assert (visited.console, visited.requests) == ([], [])
    for words in visited.found:
        assert "has a recurrence in the place of attention" in words
    below = re.split(r"\n(?=(?:encoder|decoder) self-attention|cross-attention)", visited.found[2])
    assert len(below) == 4
    encoder, decoder, cross = below[1:]
    for each in (encoder, decoder):
        assert "Layer 1 has a recurrence" in each
        assert "head 1" not in each
    assert "head 1" in cross


@needs_browser
def test_three_runs_stand_beside_each_other(tmp_path: Path) -> None:
    panels = [replace(seen(tmp_path / n), run=f"runs/{n}" * 9) for n in ("one", "two", "three")]
    probe = """
      return ["lines", "all heads", "matrix"].map((view) => {
        one(`[data-value="${view}"]`).click();
        return all(".panel").map((each) => {
          const box = each.getBoundingClientRect();
          return [box.top, box.right];
        });
      });
    """
    page = write(tmp_path, panels)
    lines, heads, matrices = visit(page, tmp_path / "visit", probe, size="1280,900").found
    for each in (lines, heads):
        assert len({top for top, _ in each}) == 1, "three fit"
    assert max(right for _, right in [*lines, *heads, *matrices]) <= 1280


@pytest.mark.quick
@pytest.mark.parametrize(
    ("reference", "has_decoder"),
    [("demo", True), ("language-model", True), ("classifier", False)],
)
def test_only_a_network_with_a_decoder_is_said_to_have_one(
    reference: str, has_decoder: bool, tmp_path: Path
) -> None:
    assert ("A position of the decoder" in attention_page([[seen(tmp_path, reference)]])) is (
        has_decoder
    )


@needs_browser
def test_keys_that_the_mask_forbids_are_struck_out(tmp_path: Path) -> None:
    probe = """
      send(all("[data-side=query]")[2], "mouseenter", { bubbles: false });
      return all("[data-side=key]").map((each) => each.classList.contains("unread"));
    """
    visited = visit(write(tmp_path, [seen(tmp_path, "language-model")]), tmp_path / "visit", probe)
    assert visited.found == [False] * 3 + [True] * 9
    assert (visited.console, visited.requests) == ([], [])


@needs_browser
def test_a_narrow_page_is_not_wider_than_the_window(tmp_path: Path) -> None:
    found = replace(seen(tmp_path), text="W" * 80)
    page = write(tmp_path, [found], [found])
    probe = """
      return [one("#text").getBoundingClientRect().right, document.documentElement.scrollWidth];
    """
    right, width = visit(page, tmp_path / "visit", probe, size="500,900").found
    assert right < width == 500


@needs_browser
def test_a_token_is_shown_in_both_runs_that_read_it(tmp_path: Path) -> None:
    panels = [seen(tmp_path / "one"), seen(tmp_path / "other", "alibi")]
    probe = """
      send(all(".panel")[1].querySelectorAll("[data-side=query]")[3], "mouseenter",
        { bubbles: false });
      const rows = (panel) => [...panel.querySelectorAll("line")].map((each) => each.dataset.query);
      return [all(".panel").map((each) => [...new Set(rows(each))]), one("#readout").textContent];
    """
    visited = visit(write(tmp_path, panels), tmp_path / "visit", probe)
    rows, words = visited.found
    assert rows == [["3"], ["3"]]
    assert f"{panels[1].run}: largest weight from “lowed”: " in words


@needs_browser
@pytest.mark.parametrize("reference", ["lstm", "classifier", "albert"])
def test_other_networks_and_two_runs_side_by_side(reference: str, tmp_path: Path) -> None:
    """A layer without weights is said to be one, and the page says so in words."""
    panels = [seen(tmp_path / "one"), seen(tmp_path / "other", reference)]
    probe = """
      const words = [];
      for (const each of all("[data-choice=attention] button").map((each) => each.dataset.value)) {
        one(`[data-choice=attention] [data-value='${each}']`).click();
        words.push(all(".panel").map((panel) => panel.innerText));
      }
      return words;
    """
    visited = visit(write(tmp_path, panels, panels[:1]), tmp_path / "visit", probe)
    assert (visited.console, visited.requests) == ([], [])
    first = visited.found[0]
    assert len(first) == 2
    assert all("an untrained network" in each for each in first)
    if reference == "lstm":
        assert "has a recurrence in the place of attention" in first[1]
    if reference == "classifier":
        assert "This network has no cross-attention" in visited.found[2][1]
