"""Statements of generated code that a change of a spec changes without being named."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from compiler.diff.patience import paired
from compiler.source_map import MOST, Setting, SourceMap
from compiler.spec.spec import Spec

APART = (
    r"(encoder|decoder|local|global)_|(Encoder|Decoder|Local|Global)(?=[A-Z])|(ENCODER|DECODER)_"
)
"""The beginnings of names that tell stacks and kinds of layers apart."""

ALIKE = 0.5
"""Similarity from which on one that went and one that came are one that was changed."""


def code_lines(text: str) -> set[int]:
    """Return the lines of code, from 0 on, in classes and functions, and those of constants."""
    inside, words, constants = set[int](), set[int](), set[int]()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min(each.lineno for each in (node, *node.decorator_list))
            inside |= set(range(first, (node.end_lineno or 0) + 1))
            if ast.get_docstring(node, clean=False) is not None:
                words |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            constants.add(node.lineno)
    lines = text.split("\n")
    return {each - 1 for each in (inside - words) | constants if lines[each - 1].strip()}


def programs(found: SourceMap) -> dict[str, str]:
    """Return the Python files of a package."""
    return {name: text for name, text in found.files.items() if name.endswith(".py")}


def without_origin(found: SourceMap) -> list[str]:
    """Return the lines of code that have no settings, too many, or no other than the model."""
    wrong = []
    for file, text in programs(found).items():
        for line in sorted(code_lines(text)):
            settings = found.lines[file][line]
            is_vague = any(path in ("", "model") for each in settings for path in each.paths)
            if is_vague or not 1 <= len(settings) <= MOST:
                wrong.append(f"{file}:{line + 1}: {text.splitlines()[line]}")
    return wrong


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the settings of a spec with their paths."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, below in enumerate(value):
            yield from leaves(below, f"{path}.{number}")
    else:
        yield path, value


def changed(before: Spec, after: Spec) -> set[str]:
    """Return the paths of the settings that differ."""
    one, other = (dict(leaves(each.model_dump(exclude_none=True))) for each in (before, after))
    return {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}


def names(settings: tuple[Setting, ...], paths: set[str]) -> bool:
    """Return whether one of the settings of a line is one of these, or a section of one."""
    return any(each.covers(path) for each in settings for path in paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two versions of a file: its statements, their first lines, and which name a change.

    A statement is one whatever lines it is laid out on; of a compound one its head counts.
    """

    statements: list[str]
    lines: list[int]
    naming: set[int]


def unnamed(before: SourceMap, after: SourceMap) -> list[str]:
    """Return the statements that differ though no setting that differs is named as their cause.

    One that is another one now is named before or after. Those that only moved are as they were.
    Whether a file is there at all depends on the whole network.
    """
    paths = changed(before.loaded.spec, after.loaded.spec)
    found = []
    for name in sorted(programs(before).keys() & programs(after).keys()):
        one, other = (_side(each, name, paths) for each in (before, after))
        found += [f"{name}:{each}" for each in _unnamed(one, other)]
    return found


def _side(found: SourceMap, name: str, paths: set[str]) -> Side:
    text, causes = found.files[name], found.lines[name]
    lines, code = text.split("\n"), code_lines(text)
    heads = [each for each in statement_lines(text) if each.start in code]
    naming = {
        number
        for number, head in enumerate(heads)
        if any(names(causes[line], paths) for line in head)
    }
    statements = [" ".join(lines[line].strip() for line in head) for head in heads]
    return Side(statements=statements, lines=[each.start + 1 for each in heads], naming=naming)


def statement_lines(text: str) -> list[range]:
    """Return the lines of each statement, from 0 on, of a compound one those of its head."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            first = min(each.lineno for each in (node, *getattr(node, "decorator_list", ())))
            body = getattr(node, "body", None)
            found.append(range(first - 1, body[0].lineno - 1 if body else node.end_lineno or 0))
    return sorted((each for each in found if each), key=lambda each: each.start)


def _unnamed(one: Side, other: Side) -> Iterator[str]:
    """Yield the statements that one side lacks and that no side names, without those that moved."""
    edits = paired(one.statements, other.statements).edits
    gone = Counter(_unprefixed(one.statements[each]) for edit in edits for each in edit.before)
    come = Counter(_unprefixed(other.statements[each]) for edit in edits for each in edit.after)
    for edit in edits:
        for sign, side, own, else_, others in (
            ("-", one, edit.before, other, edit.after),
            ("+", other, edit.after, one, edit.before),
        ):
            for each in _changed(side, own, else_, others):
                text = side.statements[each]
                plain = _unprefixed(text)
                if gone[plain] != come[plain] and not _is_new_name(text, else_):
                    yield f"{side.lines[each]}: {sign} {text}"


def _unprefixed(text: str) -> str:
    """Return a statement whose names do not tell stacks and kinds of layers apart.

    `ENCODER_HEADS` is `HEADS` in a network of one stack, whatever setting made it one.
    """
    return re.sub(APART, "", text)


def _is_new_name(text: str, other: Side) -> bool:
    """Return whether a constant is there on one side alone: names tell equal numbers from others.

    A number has a name of its own if it is the only one of its kind in a stack or in the model, so
    a change of another number may give it one, or take it away.
    """
    name, is_constant, _ = text.partition(" = ")
    is_constant = bool(is_constant) and name.isupper()
    return is_constant and not any(each.startswith(f"{name} =") for each in other.statements)


def _changed(side: Side, own: range, other: Side, others: range) -> Iterator[int]:
    """Yield the statements of an edit that name no change, nor do those that they have become."""
    known = {other.statements[each]: each for each in others}
    for number, each in enumerate(own):
        alike = get_close_matches(side.statements[each], known, n=1, cutoff=ALIKE)
        became = others[number] if len(own) == len(others) else known.get(*alike or ("",))
        if each not in side.naming and became not in other.naming:
            yield each
