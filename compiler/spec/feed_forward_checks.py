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


def groups_of_experts(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse groups that are uneven, leave no choice, or hold too few experts."""
    for path, settings in feed_forwards(spec):
        experts = settings.experts
        if experts is None or experts.groups is None:
            continue
        count, active = experts.groups.count, experts.groups.active
        place = (*path, "experts", "groups")
        each = experts.count // count
        if experts.count % count:
            divisors = [n for n in range(2, experts.count + 1) if experts.count % n == 0]
            key, message = "count", f"{experts.count} experts make no {count} groups of one size"
            help = f"a divisor of the experts: {', '.join(map(str, divisors))}"
        elif active >= count:
            key, message = "active", f"`active: {active}` of {count} groups leaves no choice"
            help = f"write `active: {count - 1}`, or fewer"
        elif active * each < experts.active:
            key = "active"
            message = f"{active * each} experts in {active} groups are fewer than the active ones"
            help = f"write `active: {-(-experts.active // each)}`, or more"
        elif experts.groups.by == "best_two" and each < 2:
            key, message = "by", "groups of one expert have no best two"
            help = "write `by: best`"
        else:
            continue
        yield Diagnostic(
            code="uneven-experts",
            message=message,
            span=at(root, *place, key),
            notes=note("the experts", root, *path, "experts", "count"),
            help=help,
        )


def one_weight(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse a weight that is 1 whatever the router says."""
    for path, settings in feed_forwards(spec):
        experts = settings.experts
        if experts is not None and experts.active == 1 and experts.normalize:
            yield Diagnostic(
                code="one-weight",
                message="the weight of a single active expert, divided by itself, is always 1",
                span=at(root, *path, "experts", "normalize"),
                notes=note("how many are active", root, *path, "experts", "active"),
                help="write `normalize: false`; the router learns nothing otherwise",
            )


FEED_FORWARD_CHECKS = (unused_settings, groups_of_experts, one_weight)
