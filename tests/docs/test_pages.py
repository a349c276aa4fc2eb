"""The pages of `docs/` that are made from the code are up to date; --update-golden writes them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.mask.parse import parse
from compiler.mask.primitives import PRIMITIVES
from compiler.source.report import pages
from compiler.spec.reference import SECTIONS, reference
from compiler.spec.schema import CHANGES, json_schema
from compiler.weights.family import families
from tests.docs.masks_page import masks_page
from tests.support.table3 import table3_page

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
OTHERS = ("maps", "ablation_files", "configs", "exports")
PLACES = (CASES, *(ROOT / "tests" / each for each in OTHERS))
SEEN = sorted(path for place in PLACES for path in place.glob("*/diagnostics.txt"))
WITHOUT_CASE = {"large-file", "unreadable", "no-git", "no-revision"}
"""Codes whose files cannot be committed: `test_load.py` and `diff/test_sides.py` have them."""


def case_of(code: str) -> Path | None:
    """The case that shows a code best: the one of its name, else the first that has it."""
    having = [each for each in SEEN if has(each, code)]
    return next((each for each in having if each.parent.name == code), next(iter(having), None))


def has(diagnostics: Path, code: str) -> bool:
    return f"[{code}]:" in diagnostics.read_text(encoding="utf-8")


def errors_page() -> str:
    head = (
        "# Errors and warnings\n\nEvery code, what it means, and what it looks like; made from "
        "`compiler/source/errors.md` and the cases of the tests. `specformer explain CODE` prints "
        "the same in a terminal.\n"
    )
    return head + "".join(f"\n## {code}\n{page}\n{seen(code)}" for code, page in pages().items())


def seen(code: str) -> str:
    case = case_of(code)
    return f"\n```\n{case.read_text(encoding='utf-8')}```\n" if case else ""


def mistakes_page() -> str:
    head = (
        "# Ten first mistakes\n\nA spec as a new user would write it, and what `specformer check` "
        "says to it; made from the cases of the tests.\n"
    )
    cases = sorted(CASES.glob("novice-*"), key=lambda case: int(case.name.split("-")[1]))
    return head + "".join(mistake(case) for case in cases)


def mistake(case: Path) -> str:
    _, number, *words = case.name.split("-")
    spec = (case / "spec.yaml").read_text(encoding="utf-8")
    said = (case / "diagnostics.txt").read_text(encoding="utf-8")
    title = f"{number}. {' '.join(words).capitalize()}"
    return f"\n## {title}\n```yaml\n{spec}```\n```\n{said}```\n"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("spec.md", reference),
        ("errors.md", errors_page),
        ("mistakes.md", mistakes_page),
        ("masks.md", masks_page),
        ("table3.md", table3_page),
    ],
)
def test_is_up_to_date(name: str, make: Callable[[], str], request: pytest.FixtureRequest) -> None:
    path, text = ROOT / "docs" / name, make()
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "pytest tests/docs --update-golden"


@pytest.mark.parametrize(
    ("text", "definition"),
    [(shown.text, shown.definition) for each in PRIMITIVES.values() for shown in each.examples],
)
def test_the_definitions_of_masks_are_what_they_mean(text: str, definition: str) -> None:
    reads = parse(text).predicate
    for length in range(1, 14):
        for i in range(length):
            for j in range(length):
                assert reads(i, j, length) == eval(definition, {"i": i, "j": j, "length": length})


def test_the_reference_has_every_section() -> None:
    named = {name for names in SECTIONS.values() for name in names}
    assert named == {name for name in json_schema()["$defs"] if not name.endswith(CHANGES)}


def test_every_code_has_a_page_and_a_case() -> None:
    seen_codes = {
        code
        for path in SEEN
        for code in re.findall(r"(?:error|warning)\[([a-z0-9-]+)\]:", path.read_text("utf-8"))
    }
    assert seen_codes | WITHOUT_CASE == set(pages())


def test_every_code_of_the_compiler_has_a_page() -> None:
    """Codes are words with a hyphen, in quotes, as a `code=` or the first word of a refusal."""
    text = "".join(path.read_text("utf-8") for path in (ROOT / "compiler").rglob("*.py"))
    written = set(re.findall(r'(?:code=|mistake\((?:[\w.]+, )?)"([a-z0-9-]+)"', text))
    assert written
    assert written <= set(pages())


def test_pages_are_sorted_and_none_is_empty() -> None:
    assert list(pages()) == sorted(pages())
    assert all(page.endswith((".", "```")) and len(page) > 20 for page in pages().values())


def test_the_map_in_the_page_of_maps_is_the_one_that_is_tried() -> None:
    page = (ROOT / "docs" / "import_weights.md").read_text("utf-8")
    for example in (
        "compiler/weights/families/marian/map.yaml",
        "tests/maps/wrong-shape/diagnostics.txt",
    ):
        assert (ROOT / example).read_text("utf-8") in page


def test_the_index_leads_to_every_page_of_the_site() -> None:
    pages = re.findall(r"^ +- .*: (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    index = (ROOT / "docs" / "README.md").read_text()
    assert len(pages) > 20
    assert [page for page in pages if page != "README.md" and f"]({page})" not in index] == []


def test_pages_know_the_model_types_that_are_imported() -> None:
    types = [each for family in families().values() for each in family.model_types]
    page = (ROOT / "docs" / "import.md").read_text()
    assert [each for each in types if f"`{each}`" not in page] == []
    said = f"{len(types)} model types"
    pages = ("README.md", "docs/other_tools.md", "docs/first_steps.md")
    assert [name for name in pages if said not in (ROOT / name).read_text()] == []
