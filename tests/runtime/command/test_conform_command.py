"""`conform`: its formats, and its page of documentation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.quick

Command = Callable[..., Any]


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_every_format_says_the_same(specformer: Command, form: str) -> None:
    ended = specformer("conform", "demo", "--format", form)
    assert (ended.code, ended.err) == (0, "")
    assert "about 37000 tokens" in ended.out.replace("&quot;", '"')
    if form == "json":
        found = json.loads(ended.out)
        assert (found["row"], found["is_row"]) == ("base", False)
        heads = [each for each in found["findings"] if each["setting"] == "attention.heads"]
        assert [(each["value"], each["paper"], each["verdict"]) for each in heads] == [
            (4, 8, "departs")
        ]
        assert heads[0]["origin"]["line"] == 11


def test_a_row_of_table_3_says_so(specformer: Command) -> None:
    ended = specformer("conform", "transformer-base", "--set", "model.attention.heads=16")
    assert 'In the columns of Table 3 it is row "(A) h = 16".' in ended.out
    ended = specformer("conform", "demo")
    assert 'It is no row of Table 3. It is compared with "base": N is 2, not 6;' in ended.out


def test_all_shows_what_agrees(specformer: Command) -> None:
    assert "beam size of 4" not in specformer("conform", "demo").out
    assert "beam size of 4" in specformer("conform", "demo", "--all").out


def test_a_mistake_is_located(specformer: Command) -> None:
    ended = specformer("conform", "demo", "--set", "model.d_model=x")
    assert (ended.code, ended.out) == (2, "")
    assert "--set" in ended.err


@pytest.mark.parametrize("name", ["page.html", "page.md", "page.json", "page.txt"])
def test_a_file_holds_what_is_printed_in_the_form_of_its_name(
    specformer: Command, tmp_path: Path, name: str
) -> None:
    forms = {".html": "html", ".md": "markdown", ".json": "json", ".txt": "text"}
    printed = specformer("conform", "demo", "--format", forms[Path(name).suffix])
    written = specformer("conform", "demo", "--out", name)
    assert (written.code, written.out) == (0, "")
    assert written.err.startswith(f"wrote {name}, ")
    assert (tmp_path / name).read_text() == printed.out
    assert specformer("conform", "demo", "--out", name).code == 2  # it is there already


def test_a_file_of_another_form_is_refused(specformer: Command) -> None:
    ended = specformer("conform", "demo", "--format", "html", "--out", "page.svg")
    assert ended.code == 2
    assert "page.svg does not end in .html" in ended.err


def test_positions_in_layers_are_named(specformer: Command) -> None:
    assert "positional encoding is rotary, not sinusoidal." in specformer("conform", "rotary").out


def test_a_setting_that_the_paper_does_not_name_is_described(specformer: Command) -> None:
    added = specformer("conform", "transformer-base", "--set", "training.clip_norm=1").out
    assert "nothing; the setting is a bound on the norm of the gradient" in added
