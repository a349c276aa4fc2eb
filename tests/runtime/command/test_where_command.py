"""`where`: the settings behind a line of code, and the code behind a line of a spec."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compiler.page.text import lines
from runtime.command.where import of_code, of_spec, page_of, read_place

pytestmark = pytest.mark.quick

Command = Callable[..., Any]
ROOT = Path(__file__).parents[3]
DEMO = (ROOT / "specs" / "demo.yaml").read_text()
CHILD = """\
extends: parent.yaml
name: child
model:
  feed_forward: {d_ff: 64}
"""


@pytest.fixture
def folder(specformer: Command, tmp_path: Path) -> Path:
    """A spec that extends another one, with its package."""
    (tmp_path / "parent.yaml").write_text(DEMO)
    (tmp_path / "child.yaml").write_text(CHILD)
    assert specformer("compile", "child.yaml").code == 0
    return tmp_path


def line_of(path: Path, code: str) -> str:
    lines = [each.strip() for each in path.read_text().splitlines()]
    return f"{path}:{lines.index(code) + 1}"


def test_code_has_settings_with_their_values_and_lines(specformer: Command) -> None:
    ended = specformer("where", line_of(ROOT / "generated/demo/model.py", "HEADS = 4"))
    assert (ended.code, ended.err) == (0, "")
    assert "model.attention.heads  4" in ended.out
    assert "demo.yaml:11:22" in ended.out


def test_a_setting_of_a_parent_is_found_through_extends(specformer: Command, folder: Path) -> None:
    model = folder / "generated/child/model.py"
    code = line_of(model, "D_FF = 64")
    own = specformer("where", code, "--spec", "child.yaml", "--format", "json")
    assert json.loads(own.out)["settings"] == [
        {"setting": "model.feed_forward.d_ff", "value": "64", "where": "child.yaml:4:24"}
    ]
    code = line_of(model, "D_MODEL = 128")
    inherited = specformer("where", code, "--spec", "child.yaml", "--format", "json")
    (setting,) = json.loads(inherited.out)["settings"]
    assert setting["where"] == "parent.yaml:7:12"
    back = specformer("where", "parent.yaml:7", "--spec", "child.yaml")
    assert "D_MODEL = 128" in back.out


def test_without_the_spec_the_lock_has_the_settings(specformer: Command, folder: Path) -> None:
    code = line_of(folder / "generated/child/model.py", "D_FF = 64")
    ended = specformer("where", code)
    assert ended.code == 0
    assert "spec.lock.yaml:" in ended.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (12, "model.feed_forward.d_ff is overridden at child.yaml:4:24."),
        (6, "Settings of model are also set at child.yaml:3:1."),
        (5, "No line of code comes from it"),
        (4, "No line of code comes from it"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_line_that_a_child_overrides_says_where(
    specformer: Command, line: int, said: str
) -> None:
    """A name and a summary are not inherited, so no child overrides them."""
    ended = specformer("where", f"parent.yaml:{line}", "--spec", "child.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert said in ended.out


def test_a_setting_may_be_dropped_removed_or_replaced_with_its_list(
    specformer: Command, folder: Path
) -> None:
    (folder / "middle.yaml").write_text("""\
extends: parent.yaml
name: middle
model:
  embedding:
    position: {kind: rotary, base: 500}
  norm: {eps: 1e-6}
  encoder:
    layers:
      - {repeat: 2}
""")
    (folder / "last.yaml").write_text("""\
extends: middle.yaml
name: last
model:
  embedding:
    position: learned
  norm: {place: post, eps: null}
  encoder: {layers: 3}
""")
    said = {
        line: specformer("where", f"middle.yaml:{line}", "--spec", "last.yaml").out.splitlines()
        for line in (5, 6, 9)
    }
    overridden = {
        line: [each for each in found if "overridden" in each] for line, found in said.items()
    }
    assert overridden == {
        5: [
            "model.embedding.position.kind is overridden at last.yaml:5:15.",
            "model.embedding.position.base is overridden at last.yaml:5:15.",
        ],
        6: ["model.norm.eps is overridden at last.yaml:6:28."],
        9: ["model.encoder.layers is overridden at last.yaml:7:21."],
    }


def test_runs_of_lines_say_how_many_there_are(specformer: Command) -> None:
    ended = specformer("where", "demo.yaml:11", "--format", "json")
    code = (ROOT / "generated/demo/model.py").read_text().splitlines()
    for each in json.loads(ended.out)["code"]:
        if each["file"] == "model.py":
            run = [line for line in code[each["first"] - 1 : each["last"]] if line.strip()]
            assert (each["text"], each["more"]) == (run[0].strip(), len(run) - 1)
    assert "class KeyValueCache(State): (+38 lines)" in specformer("where", "demo.yaml:11").out


def test_equal_settings_of_a_lock_are_one_row(specformer: Command, folder: Path) -> None:
    code = line_of(
        folder / "generated/child/model.py", "x = x + dropout(y, DROPOUT, self.training)"
    )
    found = json.loads(specformer("where", code, "--format", "json").out)["settings"]
    assert len({(each["setting"], each["value"]) for each in found}) == len(found)
    (dropout,) = [each for each in found if each["setting"] == "model.dropout"]
    assert dropout["where"].endswith("spec.lock.yaml:14:12, 83:16")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_columns_fit_a_terminal(folder: Path, width: int) -> None:
    """A run of lines says how many there are, also where its code is cut."""
    of_setting = of_spec(read_place("parent.yaml:11"), None)
    of_line = of_code(read_place(f"{folder}/generated/child/model.py:219"), "child.yaml")
    for found in (of_setting, of_line):
        shown = ["".join(text for *_, text in line) for line in lines(page_of(found, width), width)]
        assert max(map(len, shown)) <= width
    counted = [each for each in of_setting["code"] if each["more"]]
    cut = ["".join(text for *_, text in row) for row in lines(page_of(of_setting, width), width)]
    assert sum("(+" in each for each in cut) == len(counted) > 5
    assert any("…" in each for each in cut)


def test_both_directions_agree(specformer: Command) -> None:
    """Each line of the demo's spec names code, and this code names the line."""
    checked = 0
    for number in range(1, len(DEMO.splitlines()) + 1):
        back = specformer("where", f"demo.yaml:{number}", "--format", "json")
        for run in json.loads(back.out)["code"][:2]:
            code = f"{ROOT / 'generated/demo' / run['file']}:{run['first']}"
            there = json.loads(specformer("where", code, "--format", "json").out)["settings"]
            assert any(f"demo.yaml:{number}:" in each["where"] for each in there), (number, code)
            checked += 1
    assert checked > 15


def test_a_line_that_was_edited_is_said_to_be(specformer: Command, folder: Path) -> None:
    model = folder / "generated/child/model.py"
    model.write_text(model.read_text().replace("D_FF = 64\n", "D_FF = 65\nOTHER = 1\n"))
    edited = specformer("where", line_of(model, "D_FF = 65"))
    assert "No setting explains this line: edited by hand." in edited.out
    below = specformer("where", line_of(model, "DROPOUT = 0.1"))
    assert "model.dropout" in below.out


def test_a_line_that_only_the_runtime_reads_says_so(specformer: Command) -> None:
    ended = specformer("where", "demo.yaml:20")
    assert "No line of code comes from it" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "expected FILE:LINE, got nowhere"),
        (("nowhere.py:3",), "there is no file nowhere.py"),
        (("demo.yaml:999",), "has 28 lines, and line 999 is asked for"),
        (("demo.yaml:999",), "help: name a line from 1 to 28"),
        ((f"{ROOT}:3",), "is a folder"),
        (("demo.yaml:0",), "help: lines are counted from 1"),
        (("a.svg:3",), "a.svg is neither a spec nor generated code"),
        (("alone.py:1",), "lies in no package"),
        (("demo.yaml:7", "--spec", "no.yaml"), "error: --spec: there is no spec `no.yaml`"),
        ((f"{ROOT}/generated/demo/model.py:3", "--spec", "no.yaml"), "error: --spec: there is no"),
        (("demo.yaml:3", "--spec", "language-model"), "language-model does not extend"),
        ((f"{ROOT}/generated/demo/model.py:3", "--spec", "language-model"), "not the spec of this"),
    ],
    ids=lambda each: str(each[0])[-20:],
)
def test_mistakes_are_explained(
    specformer: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "alone.py").write_text("x = 1\n")
    (tmp_path / "a.svg").write_text("<svg/>\n")
    ended = specformer("where", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err
