"""YAML text to nodes. Scalars follow YAML 1.2's core schema: `1e-4` is a number, `no` is a word."""

import re

import yaml

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Scalar, Sequence, Value
from compiler.source.span import Source, Span

DEEPEST = 40
LONGEST_INTEGER = 100
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(source: Source) -> Node:
    """The tree of a document; raises `Rejected` if it is no YAML, or more than plain YAML."""
    try:
        root = yaml.compose(source.text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise Rejected([_syntax(source, error)]) from None
    except RecursionError:
        raise Rejected([_too_deep(_start(source))]) from None
    if root is None:
        raise Rejected([_wrong(_start(source), "empty-spec", "the file holds no spec")])
    return _Reader(source).node(root)


class _Reader:
    """Walks the composed document, once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen: set[int] = set()
        self.depth = 0

    def node(self, node: yaml.Node) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Rejected([_too_deep(self.span(node))])
        result = self.convert(node)
        self.depth -= 1
        return result

    def convert(self, node: yaml.Node) -> Node:
        span = self.span(node)
        if id(node) in self.seen:
            help = "write the value again, or put what is shared into a spec of its own: `extends:`"
            raise Rejected([_wrong(span, "yaml-alias", "aliases are not part of a spec", help)])
        if self.is_tagged(node):
            raise Rejected([_wrong(span, "yaml-tag", "tags are not part of a spec")])
        self.seen.add(id(node))
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
            if not isinstance(key, yaml.ScalarNode):
                raise Rejected([_wrong(at, "yaml-key", "a key is a word")])
            if key.value == "<<":
                help = "name the shared spec with `extends:`"
                raise Rejected(
                    [_wrong(at, "yaml-merge", "merge keys are not part of a spec", help)]
                )
            if key.value in entries:
                message = f"`{key.value}` is written twice; line {keys[key.value].line} has it too"
                raise Rejected([_wrong(at, "duplicate-key", message)])
            entries[key.value], keys[key.value] = self.node(value), at
        return Mapping(span=span, entries=entries, keys=keys)

    def is_tagged(self, node: yaml.Node) -> bool:
        """Whether the author wrote a tag such as `!!str`: a plain node never starts with `!`."""
        start = node.start_mark
        return self.source.line(start.line + 1)[start.column : start.column + 1] == "!"

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


def _too_deep(span: Span) -> Diagnostic:
    return _wrong(span, "yaml-depth", f"nested deeper than {DEEPEST} levels: no spec needs that")


def _start(source: Source) -> Span:
    return Span(source=source, line=1, column=1)


def _syntax(source: Source, error: yaml.YAMLError) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return _wrong(_start(source), "yaml-syntax", problem)
    span = Span(source=source, line=mark.line + 1, column=mark.column + 1)
    return _wrong(span, "yaml-syntax", problem)


def _wrong(span: Span, code: str, message: str, help: str = "") -> Diagnostic:
    return Diagnostic(code=code, message=message, span=span, help=help)
