"""`--set model.attention.heads=4`: settings from the command line, as trees with places."""

from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.node import Mapping, Node, Scalar
from compiler.source.read import read_from
from compiler.source.span import Source, Span


def override(argument: str) -> Mapping:
    """The tree with the one value that an argument sets; raises `Rejected` if it is no setting."""
    key, equals, _ = argument.partition("=")
    steps = key.split(".")
    source = Source(name="--set", text=argument)
    if not equals or not all(step.isidentifier() for step in steps):
        raise Rejected([_malformed(source)])
    if steps[0] == "extends":
        raise Rejected([_no_setting(source)])
    node = _value(source, len(key) + 1)
    for index in range(len(steps) - 1, -1, -1):
        start = len("".join(f"{step}." for step in steps[:index]))
        at = Span.at(source, start, len(steps[index]))
        node = Mapping(span=at, entries={steps[index]: node}, keys={steps[index]: at})
    assert isinstance(node, Mapping)
    return node


def _value(source: Source, start: int) -> Node:
    """What stands behind the equals sign, as YAML; nothing at all is the empty text."""
    if start == len(source.text):
        return Scalar(span=Span.at(source, start), value="")
    node = read_from(source, start)
    if node is None:
        raise Rejected([_comment(source, start)])
    return node


def _malformed(source: Source) -> Diagnostic:
    return Diagnostic(
        code="bad-override",
        message="a setting is written `key.key=value`",
        span=Span.at(source, 0, len(source.text)),
        help="for example `--set model.attention.heads=4`",
    )


def _no_setting(source: Source) -> Diagnostic:
    return Diagnostic(
        code="bad-override",
        message="`extends` is no setting: it names the spec that a file starts from",
        span=Span.at(source, 0, len("extends")),
        help="name that spec instead, or write a file with `extends:` and your changes",
    )


def _comment(source: Source, start: int) -> Diagnostic:
    return Diagnostic(
        code="bad-override",
        message="this sets nothing",
        span=Span.at(source, start, len(source.text) - start),
        help="`#` begins a comment: quote it, or write `null` to remove the key",
    )
