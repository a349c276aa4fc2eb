"""Explains syntax errors of YAML by finding a change of one line that makes the text parse.

Each guess changes one line; it is right if the parser then reads the text to its end.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

from compiler.source.read import LOADER

LONGEST_TEXT = 2**16
"""Longer texts are not read again and again."""
_OPEN = {"{": "}", "[": "]"}
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'""")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A line, counted from 0, the column of what is wrong in it, and the line as it should be."""

    line: int
    column: int
    message: str
    right: str


def slip(text: str, error: yaml.YAMLError) -> Slip | None:
    """The first guess that makes a text readable."""
    if len(text) > LONGEST_TEXT:
        return None
    lines = text.splitlines()
    for guess in _GUESSES:
        for number in _suspects(lines, error):
            for found in guess(lines, number):
                if _is_readable([*lines[:number], found.right, *lines[number + 1 :]]):
                    return found
    return None


def in_words(problem: str) -> str:
    """The parser's message, without its technical terms."""
    return next((said for words, said in _PROBLEMS.items() if words in problem), problem)


_PROBLEMS = {
    "did not find expected key": "this does not belong to the lines above: check indentation, "
    "quotation marks and brackets",
    "mapping values are not allowed": "a value begins where none can stand: check the indentation "
    "and the colons of this line and the one above",
    "could not find expected ':'": "a colon is missing after a key",
    "did not find expected ',' or '}'": "a comma or `}` is missing",
    "did not find expected ',' or ']'": "a comma or `]` is missing",
    "found unexpected end of stream": "a quotation mark is not closed",
    "did not find expected '-' indicator": "an item of this list does not begin with `- `",
    "cannot start any token": "a value that begins with this sign needs quotes",
    "did not find expected node content": "a value is missing",
    "did not find expected <document start>": "this line is not indented as the first one",
    "block sequence entries are not allowed": "a list cannot begin on this line",
    "found unknown escape character": "`\\` begins an unknown escape sequence in double quotes",
}


def _suspects(lines: list[str], error: yaml.YAMLError) -> list[int]:
    """The lines that may hold the slip: where the parser's context begins, where it stopped,
    and the lines before."""
    marks = [getattr(error, name, None) for name in ("context_mark", "problem_mark")]
    found = [min(mark.line, len(lines) - 1) for mark in marks if mark is not None]
    near = [number for each in reversed(found) for number in range(each, max(-1, each - 3), -1)]
    return [number for number in dict.fromkeys([*found, *near]) if lines[number].strip()]


def _is_readable(lines: list[str]) -> bool:
    try:
        for _ in yaml.parse("\n".join(lines), Loader=LOADER):
            pass
    except yaml.YAMLError:
        return False
    return True


def _tab(lines: list[str], number: int) -> Iterator[Slip]:
    line = lines[number]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        for width in (2, 4, 8):
            right = indent.replace("\t", " " * width) + line.lstrip()
            yield _of(number, indent.index("\t"), "YAML does not allow tabs as indentation", right)


def _colon(lines: list[str], number: int) -> Iterator[Slip]:
    """A key without its colon, or without the space after it, or with an equals sign."""
    for pattern, message in (
        (r"^(\s*(?:- )?[\w.]+)()\s*=\s*(?=\S)", "`: ` stands between a key and its value, not `=`"),
        (r"^(\s*(?:- )?[\w.]+)\s*():(?=[^\s])", "a space is missing after the colon"),
        (r"^(\s*(?:- )?\w+)()\s+(?=[^\s:])(?!.*^\S*: )", "a colon is missing after the key"),
        (r"^(\s*(?:- )?\w+)()\s*$", "a colon is missing after the key"),
    ):
        if found := re.search(pattern, lines[number]):
            rest = lines[number][found.end() :]
            right = f"{found[1]}: {rest}".rstrip()
            yield _of(number, found.end(1), message, right)


def _bracket(lines: list[str], number: int) -> Iterator[Slip]:
    """A bracket that is not closed on its line, or was never opened."""
    plain = _plain(lines[number])
    open_ones: list[int] = []
    for column, sign in enumerate(plain):
        if sign in _OPEN:
            open_ones.append(column)
        if sign in _OPEN.values() and (not open_ones or _OPEN[plain[open_ones.pop()]] != sign):
            right = lines[number][:column] + lines[number][column + 1 :]
            yield _of(number, column, f"`{sign}` has no opening bracket", right)
            return
    if open_ones:
        closing = "".join(_OPEN[plain[column]] for column in reversed(open_ones))
        end = len(plain.rstrip().rstrip(","))
        right = lines[number][:end] + closing + lines[number][len(plain.rstrip()) :]
        sign = plain[open_ones[-1]]
        yield _of(number, open_ones[-1], f"`{sign}` is not closed", right)


def _quote(lines: list[str], number: int) -> Iterator[Slip]:
    """A quotation mark that is not closed before the brackets or the end of its line."""
    rest = _QUOTED.sub(lambda match: " " * len(match[0]), lines[number])
    if found := re.search(r"""(?:^|[\s\[{,])(["'])""", rest):
        column, sign = found.start(1), found[1]
        inside = re.search(r"[,}\]]", rest[column:])
        for end in (column + inside.start() if inside else 0, len(lines[number].rstrip())):
            right = lines[number][:end] + sign + lines[number][end:]
            yield _of(number, column, "a quotation mark is not closed", right)


def _comma(lines: list[str], number: int) -> Iterator[Slip]:
    """Two entries of a mapping in braces without a comma between them, or with a semicolon."""
    line = _plain(lines[number])
    for found in re.finditer(r"(?<=[^\s,{\[:;])(;\s*|\s+)(?=[\w.]+: )", line):
        if "{" in line[: found.start()]:
            right = f"{lines[number][: found.start()]}, {lines[number][found.end() :]}"
            yield _of(number, found.start(), "a comma is missing", right)


def _braces(lines: list[str], number: int) -> Iterator[Slip]:
    """A mapping on one line without its braces, or in parentheses."""
    mapping = r"[\w.]+:\s+(?:[^\s()]+|\{.*\}|\[.*\])"
    pattern = rf"(\s*(?:- )?[\w.]+:\s+)\(?({mapping}(?:,\s+{mapping})*?)\)?\s*$"
    if found := re.match(pattern, lines[number]):
        message = "keys and values on one line need braces"
        yield _of(number, found.start(2), message, f"{found[1]}{{{found[2]}}}")


def _needs_quotes(lines: list[str], number: int) -> Iterator[Slip]:
    """A text that holds `: `, or begins with a sign of YAML's own."""
    found = re.match(r"(\s*(?:- )?[\w.]+:\s+)([^\s{\[\"'].*?)\s*$", lines[number])
    if found:
        text = found[2].replace("\\", "\\\\").replace('"', '\\"')
        message = "a text with `: ` in it, or a sign of YAML at its beginning, needs quotes"
        yield _of(number, found.start(2), message, f'{found[1]}"{text}"')


def _indentation(lines: list[str], number: int) -> Iterator[Slip]:
    """A line that is not indented as those before it, the nearest of which comes first."""
    line = lines[number]
    here = len(line) - len(line.lstrip(" "))
    before = [each for each in lines[:number] if each.strip() and not each.lstrip().startswith("#")]
    after = [each for each in lines[number + 1 :] if each.strip()]
    levels = {len(each) - len(each.lstrip(" ")) for each in [*before, *after[:1]]} - {here}
    for level in sorted(levels, key=lambda level: (abs(level - here), -level)):
        spaces = "1 space" if here == 1 else f"{here} spaces"
        message = f"this line is indented by {spaces}, where {level} would fit"
        yield _of(number, here, message, " " * level + line.lstrip(" "))


def _plain(line: str) -> str:
    """The line with its quoted texts and its comment blank."""
    line = _QUOTED.sub(lambda match: "x" * len(match[0]), line)
    return _COMMENT.sub(lambda match: " " * len(match[0]), line)


def _of(line: int, column: int, message: str, right: str) -> Slip:
    return Slip(line=line, column=column, message=message, right=right)


Guess = Callable[[list[str], int], Iterator[Slip]]
_GUESSES: tuple[Guess, ...] = (
    _tab,
    _bracket,
    _quote,
    _colon,
    _comma,
    _indentation,
    _braces,
    _needs_quotes,
)
