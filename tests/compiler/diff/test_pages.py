"""The page of a difference as text, Markdown, HTML and JSON; --update-golden writes `pages/`."""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from compiler.diff.difference import Difference, as_json, difference, document, short_names, shown
from compiler.diff.operand import read_operand
from compiler.page.html import fragment, page, style
from compiler.page.markdown import markdown
from compiler.page.model import Column, Document, Hunk, Paragraph, Patch, Section, Table
from compiler.page.syntax import words
from compiler.page.text import Line, lines, text
from compiler.pipeline import compile_spec
from tests.support.table3 import ROWS

pytestmark = pytest.mark.quick

HERE = Path(__file__).parent
SCREEN = 24
HOSTILE = '<b a="1">&`|*_x_\n# [link](y)'


def from_base(variant: str) -> Difference:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(HERE)
        return difference(read_operand("base.yaml"), read_operand(variant))


@pytest.fixture(scope="module")
def found() -> Difference:
    return from_base("variant.yaml")


@pytest.mark.parametrize("name", ["variant.txt", "few.md", "few.json"])
def test_golden_page(name: str, request: pytest.FixtureRequest) -> None:
    found = from_base(f"{name.partition('.')[0]}.yaml")
    page = document(found)
    made = {"txt": lambda: text(page), "md": lambda: markdown(page), "json": lambda: as_json(found)}
    path, content = HERE / "pages" / name, made[name.rpartition(".")[2]]()
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        path.write_text(content, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == content


def screen(found: Difference, width: int = 0) -> list[list[str]]:
    """The words of each line of the first screen."""
    shown = [line for _, line in zip(range(SCREEN), lines(document(found), width), strict=False)]
    return [plain(line).split() for line in shown]


def plain(line: Line) -> str:
    return "".join(piece for _, _, piece in line)


@pytest.mark.parametrize("row", ["big.yaml", *sorted(path.name for path in ROWS.glob("*.yaml"))])
@pytest.mark.parametrize("width", [0, 80])
def test_the_first_screen_names_each_written_change(row: str, width: int) -> None:
    found = difference(read_operand("transformer-base"), read_operand(str(ROWS / row)))
    rows = [each[:3] for each in screen(found, width)]
    assert found.changes
    for change in found.changes:
        assert [change.setting, shown(change.before), shown(change.after)] in rows


def test_the_first_screen_of_big_fits_a_terminal() -> None:
    found = difference(read_operand("transformer-base"), read_operand("transformer-big"))
    assert max(len(plain(line)) for line in list(lines(document(found), 80))[:SCREEN]) <= 80
    assert len(found.changes) == 6


def test_data_says_where_everything_was_written(found: Difference) -> None:
    data = json.loads(as_json(found))
    assert (data["version"], data["equal"], data["after"]["spec"]) == (1, False, "variant")
    heads = next(each for each in data["changes"] if each["setting"] == "attention.heads")
    places = [(each["file"], each["line"]) for each in heads["origins"]]
    assert places == [("base.yaml", 7), ("variant.yaml", 5)]
    assert {"cost", "checkpoint", "code"} <= data.keys()


def hostile() -> Document:
    hunk = Hunk(head=HOSTILE, lines=(f"+{HOSTILE}", "-```", " x"), causes=(HOSTILE,))
    table = Table(columns=(Column(name=HOSTILE, align="right"),), rows=((HOSTILE,), ("",)))
    patch = Patch(before=HOSTILE, after=HOSTILE, hunks=(hunk,))
    parts = (Paragraph(text=HOSTILE), table, patch)
    return Document(title=HOSTILE, sections=(Section(title=HOSTILE, parts=parts),))


class Tags(HTMLParser):
    """Which tags and attributes there are, and that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("whole", [True, False])
def test_html_is_closed_escaped_and_asks_for_nothing(whole: bool, found: Difference) -> None:
    for each in (hostile(), document(found)):
        tags = Tags()
        tags.feed(page(each) if whole else fragment(each))
        assert tags.open == []
        assert not tags.seen & {"b", "script", "link", "img", "src", "href", "style="}
        assert ("html" in tags.seen) is whole


def test_every_class_of_the_html_has_a_style(found: Difference) -> None:
    classes = set(re.findall(r'class="([^"]+)"', fragment(document(found))))
    for name in {word for each in classes for word in each.split()}:
        assert re.search(rf"\.{name}\b", style()), name


def test_markdown_is_escaped() -> None:
    made = markdown(hostile())
    assert r"\<b a=\"1\"\>".replace(r"\"", '"') in made
    assert r"\`\|\*\_x\_ \# \[link\](y)" in made
    assert "````diff\n" in made
    rows = [line for line in made.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 2 for row in rows)


def test_underscores_inside_of_words_stay_as_they_are(found: Difference) -> None:
    assert "label_smoothing" in markdown(document(found))


def test_the_words_of_a_line_are_the_line() -> None:
    for line in Path(__file__).read_text(encoding="utf-8").splitlines():
        assert "".join(word for _, word in words(line)) == line
    kinds = {word: kind for kind, word in words('def step(x): return "a" + 1e-9  # so')}
    assert kinds == {
        **{"def": "keyword", " ": "", "step": "name", "(x): ": "", "return": "keyword"},
        **{'"a"': "string", " + ": "", "1e-9": "number", "  ": "", "# so": "comment"},
    }


def test_files_are_called_by_what_tells_them_apart() -> None:
    names = short_names(["HEAD:specs/x.yaml", "specs/x.yaml", "specs/y.yaml", "z/specs/x.yaml"])
    assert names == {
        "HEAD:specs/x.yaml": "HEAD:specs/x.yaml",
        "specs/x.yaml": "specs/x.yaml",
        "specs/y.yaml": "y.yaml",
        "z/specs/x.yaml": "z/specs/x.yaml",
    }


def test_equal_sides_say_so() -> None:
    found = difference(read_operand("demo"), read_operand("demo"))
    assert found.is_equal
    assert "Nothing differs" in text(document(found))


def test_an_edit_beside_the_model_is_said(tmp_path: Path) -> None:
    compile_spec("demo").write(tmp_path / "demo")
    tests = tmp_path / "demo" / "test_model.py"
    tests.write_text(tests.read_text() + "# mine\n")
    page = text(document(difference(read_operand("demo"), read_operand(str(tests.parent)))))
    assert "test_model.py is not what its lock compiles to" in page
    assert "All settings are the same." not in page
    assert page.endswith("+# mine\n")
    page = text(document(difference(*[read_operand(str(tests.parent))] * 2)))
    assert "Nothing else differs: the settings, model.py and training.py, the cost" in page
