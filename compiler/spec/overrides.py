"""`--set model.attention.heads=4`: settings from the command line, as trees with places."""

from dataclasses import replace

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Sequence
from compiler.source.read import read
from compiler.source.span import Source, Span


def override(argument: str) -> Mapping:
    """The tree with the one value that an argument sets; raises `Rejected` if it is no setting."""
    key, equals, text = argument.partition("=")
    steps = key.split(".")
    source = Source(name="--set", text=argument)
    if not equals or steps == ["extends"] or not all(step.isidentifier() for step in steps):
        raise Rejected([_malformed(source)])
    column = len(key) + 2
    span = Span(source=source, line=1, column=column, width=max(1, len(text)))
    node: Node = _moved(_value(text, span), span)
    for index in range(len(steps) - 1, -1, -1):
        start = len(".".join(steps[:index])) + (2 if index else 1)
        at = Span(source=source, line=1, column=start, width=len(steps[index]))
        node = Mapping(span=at, entries={steps[index]: node}, keys={steps[index]: at})
    assert isinstance(node, Mapping)
    return node


def _moved(node: Node, span: Span) -> Node:
    """The value with the place that it has in the argument."""
    if isinstance(node, Mapping):
        entries = {key: _moved(below, span) for key, below in node.entries.items()}
        return Mapping(span=span, entries=entries, keys=dict.fromkeys(node.keys, span))
    if isinstance(node, Sequence):
        return Sequence(span=span, items=tuple(_moved(item, span) for item in node.items))
    return replace(node, span=span)


def _value(text: str, span: Span) -> Node:
    """The value as YAML; what is wrong with it is said at its place in the argument."""
    try:
        return read(Source(name="--set", text=text or "''"))
    except Rejected as rejected:
        raise Rejected(replace(each, span=span) for each in rejected.diagnostics) from None


def _malformed(source: Source) -> Diagnostic:
    return Diagnostic(
        code="bad-override",
        message="a setting is written `key.key=value`",
        span=Span(source=source, line=1, column=1, width=len(source.text)),
        help="for example `--set model.attention.heads=4`",
    )
