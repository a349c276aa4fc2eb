"""YAML text to nodes. Scalars follow YAML 1.2's core schema: `1e-4` is a number, `no` is a word."""

import re
import shlex

import yaml

from compiler.source.diagnostic import Diagnostic, Note, Rejected, mistake, quoted
from compiler.source.node import Mapping, Node, Scalar, Sequence, Value
from compiler.source.plain import LOADER, require_plain
from compiler.source.span import Source, Span

LONGEST_INTEGER = 100
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read(source: Source) -> Node:
    """The tree of a document; raises `Rejected` if it is empty, no YAML, or more than plain."""
    node = read_from(source, 0)
    if node is None:
        raise Rejected([mistake(Span.at(source, 0), "empty-spec", "the file holds no spec")])
    return node


def read_from(source: Source, start: int) -> Node | None:
    """The tree of the document from character `start` of the first line on; None if it is empty."""
    text = " " * start + source.text[start:]
    try:
        require_plain(source, text)
        root = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise Rejected([_syntax(source, text, error)]) from None
    if root is None:
        return None
    reader = _Reader(source)
    node = reader.node(root)
    if reader.wrong:
        raise Rejected(reader.wrong)
    return node


class _Reader:
    """Walks the composed document, once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.wrong: list[Diagnostic] = []

    def node(self, node: yaml.Node) -> Node:
        span = self.span(node)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, span)
        if isinstance(node, yaml.SequenceNode):
            return Sequence(span=span, items=tuple(self.node(item) for item in node.value))
        assert isinstance(node, yaml.ScalarNode)
        return Scalar(span=span, value=node.value if node.style else plain_value(node.value))

    def mapping(self, node: yaml.MappingNode, span: Span) -> Mapping:
        entries: dict[str, Node] = {}
        keys: dict[str, Span] = {}
        for key, value in node.value:
            at = self.span(key)
            if refusal := _refusal(key, at, keys):
                self.wrong.append(refusal)
            else:
                entries[key.value], keys[key.value] = self.node(value), at
        return Mapping(span=span, entries=entries, keys=keys)

    def span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if start.line == end.line else 1
        return Span(
            source=self.source, line=start.line + 1, column=start.column + 1, width=max(1, width)
        )


def plain_value(text: str) -> Value:
    """What an unquoted scalar means in YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < LONGEST_INTEGER:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _syntax(source: Source, text: str, error: yaml.YAMLError) -> Diagnostic:
    """The diagnostic of a syntax error: with the corrected line if a slip explains it."""
    from compiler.source.slips import in_words, slip  # imported late: only errors need it

    if found := slip(text, error):
        span = Span(source=source, line=found.line + 1, column=found.column + 1)
        right = found.right if text == source.text else _argument(source, text, found.right)
        return mistake(span, "yaml-syntax", found.message, f"write `{right}`")
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    span = Span.at(source, max(0, len(source.text.rstrip()) - 1))
    if mark is not None and (mark.line + 1, mark.column + 1) <= (span.line, span.column):
        span = Span(source=source, line=mark.line + 1, column=mark.column + 1)
    return mistake(span, "yaml-syntax", in_words(problem))


def _argument(source: Source, text: str, right: str) -> str:
    """An argument of the command line, whose value was read, with another value."""
    key = source.text[: len(text) - len(text.lstrip())]
    return f"{source.name} {shlex.quote(key + right.lstrip())}"


def _refusal(key: yaml.Node, at: Span, before: dict[str, Span]) -> Diagnostic | None:
    """What is wrong with a key, if anything is."""
    if not isinstance(key, yaml.ScalarNode) or not key.value:
        return mistake(at, "yaml-key", "a key is a word")
    if key.value == "<<":
        help = "name the shared spec with `extends:`"
        return mistake(at, "yaml-merge", "merge keys are not part of a spec", help)
    if key.value not in before:
        return None
    return Diagnostic(
        code="duplicate-key",
        message=f"{quoted(key.value)} is written twice",
        span=at,
        notes=(Note(span=before[key.value], text="the first"),),
        help="keep one of them",
    )
