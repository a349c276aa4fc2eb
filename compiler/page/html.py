"""A page as HTML that needs nothing else: no script, no network; light and dark."""

from collections.abc import Iterator
from html import escape

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

CSS = """\
.difference {
  --ink: #1f2328; --paper: #ffffff; --quiet: #59636e; --line: #d1d9e0; --code: #f6f8fa;
  --added: #dafbe1; --removed: #ffebe9; --head: #ddf4ff; --cause: #8250df;
  --string: #0a3069; --number: #0550ae; --keyword: #cf222e; --name: #6639ba;
  color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  .difference {
    --ink: #e6edf3; --paper: #0d1117; --quiet: #9198a1; --line: #3d444d; --code: #151b23;
    --added: #12361f; --removed: #4a1a1d; --head: #0c2d4f; --cause: #d2a8ff;
    --string: #a5d6ff; --number: #79c0ff; --keyword: #ff7b72; --name: #d2a8ff;
  }
}
.difference h2 { font-size: 1.35em; }
.difference h3 { font-size: 1.1em; margin: 1.5em 0 .5em; }
.difference table { border-collapse: collapse; margin: .75em 0; display: block; overflow-x: auto;
  font-variant-numeric: tabular-nums; }
.difference th { color: var(--quiet); font-weight: 600; text-align: left; }
.difference th, .difference td { padding: .2em 1.25em .2em 0;
  border-bottom: 1px solid var(--line); }
.difference .right { text-align: right; }
.difference .center { text-align: center; }
.difference .strong { font-weight: 600; }
.difference .quiet { color: var(--quiet); }
.difference .patch { background: var(--code); border: 1px solid var(--line); border-radius: 6px;
  margin: .75em 0; overflow-x: auto; }
.difference .patch pre { margin: 0; font: 12.5px/1.5 ui-monospace, monospace; tab-size: 4; }
.difference .patch code { display: block; width: max-content; min-width: 100%; }
.difference .patch span.line { display: block; padding: 0 .75em; }
.difference .file { color: var(--quiet); }
.difference .head { background: var(--head); color: var(--quiet); }
.difference .cause { color: var(--cause); font-weight: 600; }
.difference .added { background: var(--added); }
.difference .removed { background: var(--removed); }
.difference .comment { color: var(--quiet); }
.difference .string { color: var(--string); }
.difference .number { color: var(--number); }
.difference .keyword { color: var(--keyword); }
.difference .name { color: var(--name); }
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 0; }}
main.difference {{ min-height: 100vh; box-sizing: border-box; padding: 1em 2em 3em; }}
{css}</style>
</head>
<body>
<main class="difference">
{content}</main>
</body>
</html>
"""

_CLASSES = {"+": "added", "-": "removed"}
SPREAD = " \N{PLUS-MINUS SIGN} "


def page(document: Document) -> str:
    """Return a whole file."""
    content = "".join(_document(document))
    return _PAGE.format(title=escape(document.title), css=CSS, content=content)


def fragment(document: Document) -> str:
    """Return a piece of another page, which has `CSS` once."""
    return f'<section class="difference">\n{"".join(_document(document))}</section>\n'


def _document(document: Document) -> Iterator[str]:
    if document.title:
        yield f"<h2>{escape(document.title)}</h2>\n"
    for section in document.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    if section.title:
        yield f"<h3>{escape(section.title)}</h3>\n"
    for part in section.parts:
        yield from _part(part)


def _part(part: Part) -> Iterator[str]:
    match part:
        case Paragraph(text=text):
            yield f"<p>{escape(text)}</p>\n"
        case Table():
            yield table(part)
            if part.notes:
                yield f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in part.notes)}</ul>\n"
        case Patch():
            yield from _patch(part)


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
