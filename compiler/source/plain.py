"""What a spec leaves out of YAML: anchors, aliases, tags, a second document, deep nesting."""

import re

import yaml
from yaml.reader import Reader

from compiler.source.diagnostic import Rejected, mistake
from compiler.source.span import Source, Span

DEEPEST = 40
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SHARE = "write the value again, or put what is shared into a spec of its own: `extends:`"
_WORD = re.compile(r"[^\s,\[\]{}]*")


def require_plain(source: Source, text: str) -> None:
    """Raises `Rejected` at the first thing that is more than a spec needs.

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
        if refusal := _refusal(event, depth, documents):
            raise Rejected([mistake(_place(source, event), *refusal)])


def _refusal(event: yaml.Event, depth: int, documents: int) -> tuple[str, ...]:
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
