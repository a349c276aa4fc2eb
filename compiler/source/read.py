"""Files that people write, as text, and YAML text to nodes.

Scalars follow YAML 1.2's core schema: `1e-4` is a number, `no` is a word. What no spec needs of
YAML is refused: anchors, aliases, tags, a second document, deep nesting.
"""

import re
import shlex
from pathlib import Path

import yaml
from yaml.reader import Reader

from compiler.atomic_files import is_special
from compiler.source.diagnostic import Diagnostic, Note, Rejected, mistake, quoted
from compiler.source.node import Mapping, Node, Scalar, Sequence, Value
from compiler.source.span import Source, Span

LARGEST = 2**20
DEEPEST = 40
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHARE = "write the value again, or put what is shared into a spec of its own: `extends:`"
_WORD = re.compile(r"[^\s,\[\]{}]*")
LONGEST_INTEGER = 100
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_text(path: Path) -> str:
    """The text of a spec or a map; raises `Rejected` if it is none, or cannot be read."""
    if is_special(path):
        raise Rejected([mistake(_start(str(path)), "unreadable", "it is no regular file")])
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Rejected([mistake(_start(str(path)), "unreadable", str(error.strerror))]) from None
    return decoded(content, str(path))


def decoded(content: bytes, name: str) -> str:
    """The text of the file of that name; raises `Rejected` if it is none, or too long."""
    if len(content) > LARGEST:
        raise Rejected([mistake(_start(name), "large-file", "the file has more than 1 MiB")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise Rejected([mistake(_start(name), "not-utf-8", message)]) from None


def _start(name: str) -> Span:
    return Span(source=Source(name=name, text=""), line=1, column=1)


def read(source: Source) -> Node:
    """The tree of a document; raises `Rejected` if it is empty, no YAML, or more than plain."""
    node = read_from(source, 0)
    if node is None:
        message, help = "the file holds no spec", "`specformer new NAME` writes one to start from"
        raise Rejected([mistake(Span.at(source, 0), "empty-spec", message, help)])
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


def require_plain(source: Source, text: str) -> None:
    """Raise `Rejected` at the first thing that is more than a spec needs.

    The parser's events come one by one, where composing them recurses: in C, without a limit.
    """
    if odd := Reader.NON_PRINTABLE.search(text):
        message = f"the character U+{ord(odd[0]):04X} cannot stand in YAML"
        raise Rejected([mistake(Span.at(source, odd.start()), "yaml-syntax", message)])
    depth = documents = 0
    for event in yaml.parse(text, Loader=LOADER):
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if refusal := _refused_event(event, depth, documents):
            raise Rejected([mistake(_place(source, event), *refusal)])


def _refused_event(event: yaml.Event, depth: int, documents: int) -> tuple[str, ...]:
    """Code, message and help, if an event is refused."""
    match event:
        case yaml.DocumentStartEvent() if documents > 1:
            return "yaml-syntax", "a file holds one spec, and `---` begins another"
        case yaml.AliasEvent() | yaml.NodeEvent(anchor=str()):
            return "yaml-alias", "anchors and aliases are not part of a spec", _SHARE
        case yaml.ScalarEvent(tag=str()) | yaml.CollectionStartEvent(tag=str()):
            return "yaml-tag", "tags are not part of a spec", "quote a number that is text"
    if depth > DEEPEST:
        return "yaml-depth", f"nested deeper than {DEEPEST} levels: no spec needs that"
    return ()


def _place(source: Source, event: yaml.Event) -> Span:
    """The word that an event starts with: the anchor or tag, not what it stands before."""
    assert event.start_mark is not None
    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    word = _WORD.match(source.line(line), column - 1)
    width = len(word[0]) if word else 0
    return Span(source=source, line=line, column=column, width=max(1, width))


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
    """Return the value of an unquoted scalar of YAML 1.2."""
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
    """Return the mistake of a key, if there is one."""
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
