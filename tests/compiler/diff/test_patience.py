"""Unified diffs: what they say is so, and they say it as an engineer would."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.diff.patience import hunks, paired
from compiler.page.model import Hunk

pytestmark = pytest.mark.quick

LINES = st.lists(st.sampled_from(["", "a", "b", "c", "    d", "    e", "}"]), max_size=25)


def patched(before: list[str], found: list[Hunk]) -> list[str]:
    """The other text, by the hunks alone; each must be where it says that it is."""
    after, place = [], 0
    for hunk in found:
        numbers = [int(each) for each in re.findall(r"\d+", hunk.head)[:4]]
        first = numbers[0] - 1 if numbers[1] else numbers[0]
        after += before[place:first]
        old = [line[1:] for line in hunk.lines if line[0] in " -"]
        new = [line[1:] for line in hunk.lines if line[0] in " +"]
        assert before[first : first + numbers[1]] == old
        assert len(after) == (numbers[2] - 1 if numbers[3] else numbers[2])
        assert len(new) == numbers[3]
        after, place = after + new, first + numbers[1]
    return after + before[place:]


@settings(max_examples=1500)
@given(LINES, LINES)
def test_the_hunks_make_the_one_text_of_the_other(before: list[str], after: list[str]) -> None:
    assert patched(before, [hunk for hunk, _ in hunks(paired(before, after))]) == after


@settings(max_examples=1500)
@given(LINES, LINES)
def test_partners_are_equal_lines(before: list[str], after: list[str]) -> None:
    for line, partner in paired(before, after).partners.items():
        assert after[line] == before[partner]


def test_git_applies_them(tmp_path: Path) -> None:
    before = [f"line {number}" for number in range(40)]
    after = [*before[:5], "new", *before[6:20], *before[25:], "end"]
    found = [hunk for hunk, _ in hunks(paired(before, after))]
    lines = ["--- a/file", "+++ b/file", *(line for each in found for line in _text(each))]
    (tmp_path / "file").write_text("\n".join(before) + "\n")
    (tmp_path / "patch").write_text("\n".join(lines) + "\n")
    subprocess.run(["git", "apply", "patch"], cwd=tmp_path, check=True)
    assert (tmp_path / "file").read_text().split("\n") == [*after, ""]


def _text(hunk: Hunk) -> list[str]:
    return [hunk.head, *hunk.lines]


def test_a_function_that_comes_is_one_block() -> None:
    before = ["def a():", "    return 1", "", "", "def c():", "    return 1"]
    after = [*before[:4], "def b():", "    return 1", "", "", *before[4:]]
    ((hunk, _),) = hunks(paired(before, after))
    assert [line for line in hunk.lines if line[0] == "+"] == [
        "+def b():",
        "+    return 1",
        "+",
        "+",
    ]


def test_a_hunk_names_the_class_that_it_is_in() -> None:
    before = ["class Model(nn.Module):", *(f"    {number}" for number in range(9))]
    ((hunk, _),) = hunks(paired(before, [*before[:8], "    new", *before[9:]]))
    assert hunk.head == "@@ -6,5 +6,5 @@ class Model(nn.Module)"
