"""The site of docs/: each page is in it, links lead somewhere, nothing loads from elsewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from docs.site_hook import LINK

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""Elements that make a browser load something, and the attribute that says what."""
NAMES_ONLY = {"canonical", "next", "prev", "alternate"}
"""Relations of `link` that load nothing."""


class Loads(HTMLParser):
    """All that a page makes a browser load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag in LOADED and values.get("rel") not in NAMES_ONLY:
            self.found.append(values.get(LOADED[tag]) or "")


@pytest.mark.quick
def test_the_menu_names_pages_that_are_there() -> None:
    menu = (ROOT / "mkdocs.yml").read_text("utf-8")
    named = re.findall(r": ([\w/-]+\.md)$", menu, re.MULTILINE)
    assert len(named) > 20
    assert len(named) == len(set(named))
    assert all((DOCS / each).is_file() for each in named)
    assert yaml.safe_load(menu)["theme"]["font"] is False


@pytest.mark.quick
@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = [link[2] for link in LINK.finditer(text)]
    targets += re.findall(r"!\[[^\]]*\]\(([^)\s:]+)\)|<img src=\"([^\"]+)\"", text)
    for target in targets:
        path = target if isinstance(target, str) else "".join(target)
        assert (page.parent / path).exists(), path


def test_the_site_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    if importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material, the extra `docs`, is not installed here; `make site` does it")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = [path for path in tmp_path.rglob("*.html") if "results/table3" not in str(path)]
    assert len(pages) > 20
    home = (tmp_path / "index.html").read_text("utf-8")
    for path in DOCS.rglob("*.md"):  # each is in the menu, whether mkdocs.yml names it or not
        page = path.relative_to(DOCS).with_suffix(".html").as_posix()
        assert page.replace("README", "index") in home
    for page in pages:
        loaded = Loads(page.read_text("utf-8")).found
        assert loaded
        assert not [each for each in loaded if each.startswith(("http:", "https:", "//"))], page
    for sheet in tmp_path.rglob("*.css"):
        outside = re.findall(r"url\(\s*['\"]?(https?:|//)", sheet.read_text("utf-8"))
        assert not outside, sheet
