"""Does to a spec what a message tells: the line that it shows takes the place of the wrong one."""

import json
import re
import shlex
from typing import Any

import yaml

from compiler.source.diagnostic import Diagnostic
from compiler.source.node import Mapping, Node, Path, Sequence, to_python
from compiler.source.read import read
from compiler.source.span import Source, Span
from compiler.source.write import Dumper

_LINE = re.compile(r"`([^`]+)`(?: (below) `([\w.\[\]]+)`| (at the top level))?(, and | and )?")


def repaired(text: str, diagnostic: Diagnostic) -> str:
    """The text of a spec once its author obeys one message; fails if that shows nothing to do."""
    if diagnostic.code == "yaml-syntax":
        return _with_line(text, diagnostic)
    root = read(Source(name=diagnostic.span.source.name, text=text))
    tree: Any = to_python(root)
    at, is_key = place_of(root, diagnostic.span, diagnostic.code)
    help = diagnostic.help
    if renamed := re.search(r"did you mean `([^`]+)`", help):
        _rename(tree, at, renamed[1], is_key)
        return dumped(tree)
    shown = re.search(r"(?:write|for example) (`.*)", help)
    removed = "remove it" in help
    assert shown or removed, f"nothing to do is shown: {help!r}"
    while at and isinstance(at[-1], int):  # the line is that of the whole list
        at = at[:-1]
    if not diagnostic.code.startswith("missing-"):
        _remove(tree, at)
    if shown:
        for section, line in lines(shown[1], at[:-1]):
            held = _section(tree, section)
            for key, value in yaml_of(line).items():
                if at[: len(section) + 1] == (*section, key):  # the wrong line stood in it
                    held.pop(key, None)
                _merge(held, {key: value})
    return dumped(tree)


def _with_line(text: str, diagnostic: Diagnostic) -> str:
    """Where the text is no YAML, a whole line is shown."""
    shown = re.search(r"write `(.*)`$", diagnostic.help)
    assert shown, f"nothing to do is shown: {diagnostic.help!r}"
    lines = text.split("\n")
    lines[diagnostic.span.line - 1] = shown[1]
    return "\n".join(lines)


def dumped(tree: Any) -> str:
    """YAML without aliases, which specs have none of."""
    return yaml.dump(json.loads(json.dumps(tree)), Dumper=Dumper, sort_keys=False)


def yaml_of(line: str) -> Any:
    """What our reader makes of a line: `1e-4` is a number."""
    return to_python(read(Source(name="line", text=f"{{{line}}}")))


def lines(shown: str, here: Path) -> list[tuple[Path, str]]:
    """The lines that a message shows, each with its section: `here` where none is named."""
    found: list[tuple[Path, str]] = []
    group: list[str] = []
    while match := _LINE.match(shown):
        line, below, section, top, more = match.groups()
        group.append(line)
        if more != " and ":
            where: Path = _steps(section) if below else () if top else here
            found += [(where, each) for each in group]
            group = []
        shown = shown[match.end() :]
        if not more:
            break
    return found


def settings(help: str) -> list[str]:
    """The arguments of `--set` that a message shows."""
    return [shlex.split(each)[1] for each in re.findall(r"`(--set [^`]+)`", help)]


def place_of(root: Node, span: Span, code: str) -> tuple[Path, bool]:
    """The path at which a place is that of a key, or of a value."""
    found: list[tuple[Path, bool]] = []

    def walk(node: Node, path: Path) -> None:
        if _is_at(node.span, span) and path:
            found.append((path, False))
        if isinstance(node, Mapping):
            for key, below in node.entries.items():
                if _is_at(node.keys[key], span):
                    found.append(((*path, key), True))
                walk(below, (*path, key))
        elif isinstance(node, Sequence):
            for number, below in enumerate(node.items):
                walk(below, (*path, number))

    walk(root, ())
    fitting = [each for each in found if each[1] is (code not in ("bad-value", "unknown-value"))]
    return (fitting or found or [((), True)])[0]


def _is_at(one: Span, other: Span) -> bool:
    return (one.line, one.column) == (other.line, other.column)


def _steps(section: str) -> Path:
    steps = re.findall(r"[\w-]+|\[\d+\]", section)
    return tuple(int(step[1:-1]) if step.startswith("[") else step for step in steps)


def _section(tree: Any, path: Path) -> Any:
    for step in path:
        if isinstance(tree, dict) and not isinstance(tree.get(step), dict | list):
            tree[step] = {}
        tree = tree[step]
    return tree


def _merge(tree: Any, line: Any) -> None:
    for key, value in line.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _remove(tree: Any, path: Path) -> None:
    for step in path[:-1]:
        tree = tree[step]
    if path:
        del tree[path[-1]]


def _rename(tree: Any, path: Path, word: str, is_key: bool) -> None:
    for step in path[:-1]:
        tree = tree[step]
    tree[word if is_key else path[-1]] = tree.pop(path[-1]) if is_key else word
