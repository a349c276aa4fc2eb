"""The site of docs/: each page is in it, links lead somewhere, nothing loads from elsewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

from docs.site_hook import LINK
from tests.support.browser import needs_browser, visit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
"""Elements that make a browser load something, and the attribute that says what."""
NAMES_ONLY = {"canonical", "next", "prev", "alternate"}
"""Relations of `link` that load nothing."""


NOT_FOUND = "404.html"
"""A server sends this page for any address, so its links begin at the top of the server."""


class Page(HTMLParser):
    """What a page makes a browser load, where its links lead, and the anchors that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag in LOADED and values.get("rel") not in NAMES_ONLY:
            self.loaded.append(values.get(LOADED[tag], ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        self.anchors |= {values[name] for name in ("id", "name") if name in values}


@dataclass(frozen=True, slots=True)
class Site:
    folder: Path
    pages: dict[Path, Page]
    """The pages of the site, by their absolute paths."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the site by the mkdocs of this environment, or by that of `make site`."""
    of_make = ROOT / ".venv-site" / "bin" / "python"
    here = importlib.util.find_spec("material") is not None
    if not here and not of_make.exists():
        pytest.skip("mkdocs-material is not installed here: run `make site` before these tests")
    folder = tmp_path_factory.mktemp("site").resolve()
    python = sys.executable if here else str(of_make)
    done = subprocess.run(
        [python, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = [path for path in folder.rglob("*.html") if path.name != NOT_FOUND]
    return Site(folder, {path: Page(path.read_text("utf-8")) for path in pages})


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


def test_every_page_of_docs_is_in_the_menu(site: Site) -> None:
    home = (site.folder / "index.html").read_text("utf-8")
    for path in DOCS.rglob("*.md"):  # each is in the menu, whether mkdocs.yml names it or not
        page = path.relative_to(DOCS).with_suffix(".html").as_posix()
        assert page.replace("README", "index") in home


def test_the_site_loads_nothing_from_elsewhere(site: Site) -> None:
    assert len(site.pages) > 20
    for path, page in site.pages.items():
        outside = [each for each in page.loaded if each.startswith(("http:", "https:", "//"))]
        assert not outside, path
    for sheet in site.folder.rglob("*.css"):
        assert not re.findall(r"url\(\s*['\"]?(https?:|//)", sheet.read_text("utf-8")), sheet


def test_links_and_pictures_of_the_site_lead_to_files_and_anchors(site: Site) -> None:
    broken = []
    followed = 0
    for path, page in site.pages.items():
        for link in [*page.links, *page.loaded]:
            if re.match(r"[a-z]+:", link):  # another site, mail, or data in the page itself
                continue
            followed += 1
            name, anchor = urldefrag(link)
            target = (path.parent / unquote(name)).resolve() if name else path
            is_page = target in site.pages
            if not target.exists() or (
                anchor and is_page and unquote(anchor) not in site.pages[target].anchors
            ):
                broken.append(f"{path.relative_to(site.folder)}: {link}")
    assert followed > 1000
    assert not broken


@needs_browser
@pytest.mark.parametrize("size", ["1280,900", "390,844"])
@pytest.mark.parametrize("name", ["index", "own_text", "drawing", "attention"])
def test_a_browser_opens_pages_from_files(site: Site, name: str, size: str) -> None:
    """The copy with the probe lies beside the page, so that relative links hold."""
    seen = visit(
        site.folder / f"{name}.html",
        site.folder,
        """return {
          missing: all("img").filter((each) => !each.naturalWidth).map((each) => each.src),
          pictures: all("img").length,
          beyond: document.documentElement.scrollWidth - innerWidth,
          menu: one(".md-nav").textContent.includes("A language model") };""",
        size=size,
    )
    assert seen.console == []
    assert all(each.startswith("file:") for each in seen.requests)
    assert seen.found["missing"] == []
    assert seen.found["beyond"] == 0  # nothing makes the whole page scroll sideways
    assert seen.found["menu"]
    assert (seen.found["pictures"] > 0) == (name != "own_text")
