"""A page with a spec on the left, its code on the right, and the lines between them."""

from html import escape
from pathlib import Path

from compiler.page import html
from compiler.page.html import file_beside
from compiler.page.interactive import interactive_page
from compiler.source.span import Source
from compiler.source_map import Setting
from compiler.where import CodeFile, LinkedCode, place_of, short, value_of

BODY = """\
<header><h1>{title}</h1><p id="hint">Point at a line of the spec to see the code that it causes, or
at a line of code to see its settings. A click keeps them, Escape lets them go; arrow keys move.</p>
</header>
<main id="main">
<section><nav id="spec-tabs"></nav><div class="text" id="spec"></div></section><div></div>
<section><nav id="code-tabs"></nav><div class="text" id="code"></div></section>
<svg id="lines" aria-hidden="true"></svg>
</main>
<footer id="settings" aria-live="polite"></footer>"""


def view_page(linked: LinkedCode, name: str, otherwise: str) -> str:
    """Return the page of a spec and its code.

    `otherwise` explains the lines of code that the spec does not compile to.
    """
    title = f"{name}: the spec and its code"
    return interactive_page(
        title=title,
        style=file_beside(html.__file__, "view.css"),
        script=file_beside(html.__file__, "view.js"),
        data=_data(linked, otherwise),
        body=BODY.format(title=escape(title)),
    )


def _data(linked: LinkedCode, otherwise: str) -> dict[str, object]:
    """Return what the script reads; each setting, and each set of settings, is there once."""
    sets: dict[tuple[Setting, ...], int] = {}
    files = [_file(each, sets) for each in linked.files]
    settings = {each: number for number, each in enumerate(_every(sets))}
    sources = {source: number for number, source in enumerate(linked.sources)}
    return {
        "otherwise": otherwise,
        "sources": [
            {"name": _title(each.name), "lines": each.text.splitlines()} for each in sources
        ],
        "files": files,
        "sets": [[settings[one] for one in each] for each in sets],
        "settings": [_setting(each, linked, sources) for each in settings],
    }


def _file(file: CodeFile, sets: dict[tuple[Setting, ...], int]) -> dict[str, object]:
    """Return a file, each line with the number of its set in `sets`; new sets are added there."""
    return {
        "name": file.name,
        "lines": file.lines,
        "sets": [sets.setdefault(each, len(sets)) for each in file.settings],
        "edited": sorted(file.edited),
    }


def _setting(setting: Setting, linked: LinkedCode, sources: dict[Source, int]) -> dict[str, object]:
    """Return a setting with the lines, from 0 on, of the numbered texts that it stands on."""
    return {
        "name": setting.name,
        "value": value_of(setting, linked.spec),
        "where": place_of(setting, _title),
        "places": [
            [sources[span.source], span.line - 1]
            for span in setting.spans
            if span.source in sources
        ],
    }


def _every(sets: dict[tuple[Setting, ...], int]) -> list[Setting]:
    return list(dict.fromkeys(each for settings in sets for each in settings))


def _title(name: str) -> str:
    """Return the name of a file without the folders of a machine: a page is for others as well."""
    seen = Path(short(name))
    return seen.name if seen.is_absolute() else str(seen)
