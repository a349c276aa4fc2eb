"""`conform`: its formats, and its page of documentation."""

import json
from collections.abc import Callable
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
