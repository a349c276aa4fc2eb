"""What each code of a diagnostic means: the pages of `errors.md`."""

import re
from functools import cache
from pathlib import Path

PAGES = Path(__file__).with_name("errors.md")


@cache
def pages() -> dict[str, str]:
    """The page of every code, in Markdown, without its heading; in the order of the file."""
    parts = re.split(r"(?m)^## (.+)\n", PAGES.read_text(encoding="utf-8"))
    return {code: page.strip() for code, page in zip(parts[1::2], parts[2::2], strict=True)}
