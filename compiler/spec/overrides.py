"""`--set model.attention.heads=4`: settings from the command line, as trees with places."""

from collections.abc import Iterable
from dataclasses import replace

from compiler.source.diagnostic import Diagnostic, Rejected, for_each, mistake
from compiler.source.limits import SETTINGS
from compiler.source.node import Mapping, Node, Scalar
from compiler.source.read import DEEPEST, read_from
from compiler.source.span import Source, Span


def override_all(arguments: Iterable[str]) -> list[Mapping]:
    """The trees of all arguments; raises `Rejected` for those that are no settings."""
    written = list(arguments)
    if len(written) > SETTINGS:
        first = Source(name="--set", text=written[SETTINGS])
        message = f"this is one setting too many: a command takes at most {SETTINGS}"
        help = "write them into a spec that `extends` this one"
        raise Rejected([mistake(Span.at(first, 0), "bad-override", message, help)])
    return for_each(written, override)


def is_key(text: str) -> bool:
    """Return whether a text is a dotted key, not deeper than a file may be."""
    steps = text.split(".")
    return len(steps) <= DEEPEST and all(step.isidentifier() for step in steps)


def override(argument: str) -> Mapping:
    """The tree with the one value that an argument sets; raises `Rejected` if it is no setting."""
    key, equals, _ = argument.partition("=")
    source = Source(name="--set", text=argument)
    if not equals or not is_key(key):
        raise Rejected([_malformed(source)])
    if key.partition(".")[0] == "extends":
        raise Rejected([_no_setting(source)])
    return nested(key, _value(source, len(key) + 1), Span.at(source, 0))


def nested(key: str, node: Node, at: Span) -> Mapping:
    """The tree with one value, at a dotted key that begins at a place."""
    *above, last = key.split(".")
    start = len(key) - len(last)
    span = replace(at, column=at.column + start, width=len(last))
    tree = Mapping(span=span, entries={last: node}, keys={last: span})
    return nested(".".join(above), tree, at) if above else tree


def _value(source: Source, start: int) -> Node:
    """Return the YAML behind the equals sign; nothing at all is the empty text."""
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
