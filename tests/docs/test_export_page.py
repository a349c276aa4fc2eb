"""The tables of `docs/export.md`: which spec of the library each format can say, and why not."""

import os
import re
from functools import cache
from pathlib import Path

import pytest

from compiler.export.report import reasons
from compiler.export.targets import TARGETS
from compiler.page.markdown import table
from compiler.spec.library import library
from compiler.spec.load import load

pytestmark = pytest.mark.quick

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


@cache
def refused() -> dict[str, dict[str, tuple[str, ...]]]:
    """For each spec of the library, why each format cannot say it."""
    targets = list(TARGETS.values())
    return {name: reasons(load(name), targets) for name in sorted(library())}


def made_library() -> str:
    heads = ("spec", *(f"`{each.option}`" for each in TARGETS.values()))
    rows = [
        (f"`{name}`", *("no" if why else "yes" for why in found.values()))
        for name, found in refused().items()
    ]
    said = [
        str(sum(not found[each.option] for found in refused().values()))
        for each in TARGETS.values()
    ]
    return table(heads, [*rows, (f"together, of {len(rows)}", *said)])


def made_reasons() -> str:
    found: dict[tuple[str, str], list[str]] = {}
    for name, by_option in refused().items():
        for option, why in by_option.items():
            for each in why:
                found.setdefault((option, each), []).append(f"`{name}`")
    order = [each.option for each in TARGETS.values()]
    rows = [
        (f"`{option}`", f"it {why}", ", ".join(names))
        for (option, why), names in sorted(found.items(), key=lambda each: order.index(each[0][0]))
    ]
    return table(("format", "why not", "specs"), rows)


MADE = {"library": made_library, "reasons": made_reasons}


def renewed(text: str) -> str:
    """The page with its tables made anew."""

    def made(match: re.Match[str]) -> str:
        return f"{match[1]}{MADE[match[2]]().rstrip()}\n<!-- end -->"

    return re.sub(r"(<!-- made by a test: (\w+) -->\n).*?<!-- end -->", made, text, flags=re.S)


def test_is_up_to_date(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text("utf-8")
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        PAGE.write_text(renewed(text), encoding="utf-8")
    assert PAGE.read_text("utf-8") == renewed(text), "pytest tests/docs --update-golden"
    assert text.count("<!-- made by a test: ") == len(MADE)
