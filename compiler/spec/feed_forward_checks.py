"""Settings of feed-forward networks that are each right but do not go together."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, Note
from compiler.source.node import Node
from compiler.source.span import Span
from compiler.spec.base import Unused
from compiler.spec.feed_forward import FeedForward
from compiler.spec.paths import at, feed_forwards, note
from compiler.spec.spec import Spec


def unused_settings(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse settings that another one leaves without effect in all networks that take them."""
    for each in FeedForward.unused_if:
        for key in each.others:
            yield from _unused(spec, root, each, key)


def _unused(spec: Spec, root: Node, unused: Unused, key: str) -> Iterator[Diagnostic]:
    used, found = set[Span](), dict[Span, tuple[Note, ...]]()
    for path, settings in feed_forwards(spec):
        place = at(root, *path, key)
        if getattr(settings, unused.key) != unused.value:
            used.add(place)
        elif getattr(settings, key) != FeedForward.model_fields[key].default:
            found.setdefault(place, note(unused.why, root, *path, unused.key))
    value = str(unused.value).lower()
    for place, notes in found.items():
        if place not in used:
            yield Diagnostic(
                code="unused-key",
                message=f"`{key}` has no effect with `{unused.key}: {value}`",
                span=place,
                notes=notes,
                help=f"remove it, or write `{unused.key}: {str(not unused.value).lower()}`",
            )


FEED_FORWARD_CHECKS = (unused_settings,)
