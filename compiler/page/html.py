"""A page as HTML that needs nothing else: no script, no connection; light and dark."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

from compiler.page.model import (
    Cell,
    Column,
    Document,
    Hunk,
    Paragraph,
    Part,
    Patch,
    Section,
    Table,
)
from compiler.page.syntax import words

_CLASSES = {"+": "added", "-": "removed"}
SPREAD = " \N{PLUS-MINUS SIGN} "


def page(document: Document) -> str:
    """Return a whole file."""
    values = {"title": escape(document.title), "css": style(), "content": _document(document)}
    return Template(file_beside(__file__, "page.html")).substitute(values)


def style() -> str:
    """Return the CSS of pages, in which each rule is for what is inside of `.difference`."""
    return file_beside(__file__, "page.css")


def file_beside(module: str, name: str) -> str:
    """Return the text of a file that lies beside a module, whose `__file__` is given."""
    return Path(module).with_name(name).read_text(encoding="utf-8")


def fragment(document: Document) -> str:
    """Return a piece of another page, which has the `style` once."""
    return f'<section class="difference">\n{_document(document)}</section>\n'


def _document(document: Document) -> str:
    title = f"<h2>{escape(document.title)}</h2>\n" if document.title else ""
    return title + "".join(map(_section, document.sections))


def _section(section: Section) -> str:
    title = f"<h3>{escape(section.title)}</h3>\n" if section.title else ""
    return title + "".join(map(_part, section.parts))


def _part(part: Part) -> str:
    match part:
        case Paragraph(text=text):
            return f"<p>{escape(text)}</p>\n"
        case Table(notes=notes):
            listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
            return table(part) + (f"<ul>{listed}</ul>\n" if notes else "")
        case Patch():
            return "".join(_patch(part))


def table(part: Table, attributes: str = "", caption: str = "") -> str:
    """Return a table without its notes; `attributes` are those of its tag, as HTML."""
    heads = "".join(map(_head, part.columns))
    named = f"<caption>{escape(caption)}</caption>\n" if caption else ""
    rows = "".join(_row(part, number) for number in range(len(part.rows)))
    opening = f"<table {attributes}".rstrip()
    head = f"<thead><tr>{heads}</tr></thead>\n" if any(c.name for c in part.columns) else ""
    return f"{opening}>\n{named}{head}<tbody>\n{rows}</tbody>\n</table>\n"


def _head(column: Column) -> str:
    name = _symbol(column.name) if column.symbol else escape(column.name)
    name = f'<abbr title="{escape(column.help)}">{name}</abbr>' if column.help else name
    return _tagged("th", f'scope="col" {_class(column)}', name)


def _symbol(name: str) -> str:
    """Return a symbol: a letter in italics, and below it a letter in italics or a word upright."""
    letter, _, below = name.partition("_")
    if len(below) == 1:
        return f"<i>{escape(letter)}<sub>{escape(below)}</sub></i>"
    return f"<i>{escape(letter)}</i>" + (f"<sub>{escape(below)}</sub>" if below else "")


def _class(column: Column, *more: str) -> str:
    own = column.kind or (column.align if column.align != "left" else "")
    names = " ".join(name for name in (own, *more) if name)
    return f'class="{names}"' if names else ""


def _tagged(tag: str, attributes: str, content: str) -> str:
    return f"<{f'{tag} {attributes}'.strip()}>{content}</{tag}>"


def _row(part: Table, number: int) -> str:
    """Return a row. The name of its group is in each row, for when they are sorted."""
    cells = [each if isinstance(each, Cell) else Cell(text=each) for each in part.rows[number]]
    inside = [_cell(part, column, cell) for column, cell in enumerate(cells)]
    above = [each for each in part.groups if each < number]
    if above and number not in part.groups:
        group = escape(str(part.rows[max(above)][0]))
        inside[0] = _tagged("td", _class(part.columns[0], "repeated"), group)
    facts = {"base": number == part.base, "starts": number in part.groups}
    names = " ".join(name for name, holds in facts.items() if holds)
    return _tagged("tr", f'class="{names}"' if names else "", "".join(inside)) + "\n"


def _cell(part: Table, number: int, cell: Cell) -> str:
    """Return a cell: below each other stand the digits, the deviations and the marks of numbers."""
    column, below = part.columns[number], [row[number] for row in part.rows]
    words, spread, deviation = escape(cell.text), "", ""
    if words and any(SPREAD in str(each) for each in below) and cell.tone not in ("bad", "absent"):
        words, spread, deviation = words.partition(SPREAD)
        words += f'<span class="spread">{f"{spread.strip()} {deviation}".strip()}</span>'
    if str(cell) and any(isinstance(each, Cell) and each.mark for each in below):
        words += f'<span class="mark">{escape(cell.mark)}</span>'
    if cell.link:
        words = f'<a href="{escape(cell.link)}">{words}</a>'
    is_name = column.kind == "row"
    own = _class(column, cell.tone)
    return _tagged("th", f'scope="row" {own}', words) if is_name else _tagged("td", own, words)


def _patch(patch: Patch) -> Iterator[str]:
    yield '<div class="patch"><pre><code>'
    yield _line("file", escape(f"--- {patch.before}"))
    yield _line("file", escape(f"+++ {patch.after}"))
    for hunk in patch.hunks:
        yield from _hunk(hunk)
    yield "</code></pre></div>\n"


def _hunk(hunk: Hunk) -> Iterator[str]:
    causes = escape(", ".join(hunk.causes))
    yield _line("head", f'{escape(hunk.head)} <span class="cause">{causes}</span>')
    for line in hunk.lines:
        coloured = "".join(_word(kind, word) for kind, word in words(line[1:]))
        yield _line(_CLASSES.get(line[:1], ""), escape(line[:1]) + coloured)


def _line(kind: str, content: str) -> str:
    return f'<span class="{f"line {kind}".rstrip()}">{content}\n</span>'


def _word(kind: str, word: str) -> str:
    return f'<span class="{kind}">{escape(word)}</span>' if kind else escape(word)
