"""Hooks of MkDocs: links to files outside of docs/ become words, and every page is in the menu."""

import posixpath
import re
from typing import Any

LINK = re.compile(r"(?<!!)\[([^\]\[]+)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
FILES_OF_THE_SITE = (".md", ".html", ".svg", ".png")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the page with links only to what the site has."""
    folder = posixpath.dirname(page.file.src_uri)

    def replaced(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[2]))
        is_here = not target.startswith("..") and target.endswith(FILES_OF_THE_SITE)
        return link[0] if is_here else f"{link[1]} (`{target.removeprefix('../')}`)"

    return LINK.sub(replaced, markdown)


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Add the pages that the menu of mkdocs.yml does not name to its end."""
    written = str(config.nav)
    others = [page.src_uri for page in files.documentation_pages()]
    if more := [each for each in others if f"'{each}'" not in written]:
        config.nav.append({"More": more})
    return files
