"""Positions that do not go with the rest of the network."""

from collections.abc import Iterator

from compiler.source.diagnostic import Diagnostic, mistake
from compiler.source.node import Node, Path
from compiler.source.span import Span
from compiler.spec.attention import Attention, LatentAttention
from compiler.spec.paths import at, attentions, note, self_attentions, width_path
from compiler.spec.position import (
    AddedPosition,
    LearnedPosition,
    RelativePosition,
    RotaryPosition,
    SinusoidalPosition,
    YarnScaling,
)
from compiler.spec.spec import Spec


def distances(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse positions seen by attention that do not fit its heads."""
    for path, attention in self_attentions(spec):
        *above, _ = path
        stack = dict(spec.model.stacks())[str(path[1])]
        position = stack.layers[int(path[3])].position
        if isinstance(position, RotaryPosition):
            yield from _rotary(spec, position, attention, root, (*above, "position"))
        if isinstance(position, RelativePosition):
            yield from _relative(position, root, (*above, "position"))


def _rotary(
    spec: Spec, position: RotaryPosition, attention: Attention, root: Node, path: Path
) -> Iterator[Diagnostic]:
    width = attention.width_of_query(spec.model.width(str(path[1])))
    turned = round(position.fraction * width)
    if attention.latent is not None:
        yield from _latent_rotary(position, attention.latent, root, path)
        turned = attention.latent.rotary
    if turned % 2 or not turned:
        yield Diagnostic(
            code="odd-rotation",
            message=f"rotary positions turn pairs of numbers, not {turned} of a head's {width}",
            span=at(root, *path),
            notes=note("the heads", root, *path[:-1], "self_attention", "heads"),
            help="choose `d_k`, or a `fraction` of it, so that the number is even",
        )
    if isinstance(position.scaling, YarnScaling):
        yield from _yarn(position, position.scaling, root, path)


def _latent_rotary(
    position: RotaryPosition, latent: LatentAttention, root: Node, path: Path
) -> Iterator[Diagnostic]:
    if position.fraction != 1.0:
        yield Diagnostic(
            code="latent-attention",
            message=f"`rotary: {latent.rotary}` of `latent` says how much of a head is turned, and "
            "`fraction` has no say",
            span=at(root, *path, "fraction"),
            notes=note("the rotary part", root, *path[:-1], "self_attention", "latent", "rotary"),
            help="remove it: `rotary` decides",
        )


def _yarn(
    position: RotaryPosition, scaling: YarnScaling, root: Node, path: Path
) -> Iterator[Diagnostic]:
    if position.base <= 1.0:
        yield mistake(
            at(root, *path, "base"),
            "no-slow-angles",
            f"with base {position.base:g} no angle is slower than another, and YaRN tells them "
            "apart",
            "write `base: 10000.0`, or any above 1",
        )
    if scaling.beta_fast <= scaling.beta_slow:
        yield mistake(
            at(root, *path, "scaling", "beta_fast"),
            "no-slow-angles",
            f"angles that go round {scaling.beta_fast:g} times are not faster than those that go "
            f"round {scaling.beta_slow:g} times",
            f"write `beta_fast: {32 * scaling.beta_slow:g}`, or any above `beta_slow`",
        )


def _relative(position: RelativePosition, root: Node, path: Path) -> Iterator[Diagnostic]:
    single = position.buckets // 4
    if position.buckets % 4 or position.max_distance <= 2 * single:
        yield mistake(
            at(root, *path),
            "few-buckets",
            f"{position.buckets} buckets do not divide distances up to {position.max_distance}",
            "half of the buckets hold single distances, the others grow up to `max_distance`: "
            "a multiple of 4, with `max_distance` above half of it",
        )


def even_positions(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Sines and cosines come in pairs."""
    stacks = [
        name
        for name, stack in spec.model.stacks()
        if isinstance(stack.position, SinusoidalPosition)
    ]
    widths = {width_path(spec, name): spec.model.width(name) for name in stacks}
    for path, width in widths.items():
        if width % 2:
            yield Diagnostic(
                code="odd-width",
                message=f"sinusoidal positions need an even d_model, not {width}",
                span=at(root, *path),
                help="sines and cosines come in pairs: make d_model even, or learn the positions",
            )


def wavelengths(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """A progression with both of its ends has two members or more."""
    for name, stack in spec.model.stacks():
        position, is_narrow = stack.position, spec.model.width(name) == 2
        has_both = isinstance(position, SinusoidalPosition) and position.layout == "tensor2tensor"
        if has_both and is_narrow:
            yield Diagnostic(
                code="few-wavelengths",
                message="wavelengths from the shortest to the longest are two or more",
                span=at(root, "model", name, "position", "layout"),
                notes=note("there is room for one", root, *width_path(spec, name)),
                help="choose a d_model of 4 or more, or `layout: concatenated`",
            )


def position_table(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Every sentence that is kept must find its positions in the table."""
    longest = spec.data.max_length
    for name, stack in spec.model.stacks():
        table = stack.position
        if isinstance(table, LearnedPosition) and table.max_length < longest:
            yield Diagnostic(
                code="short-position-table",
                message=f"`data.max_length` {longest} is beyond the {table.max_length} positions "
                "of the table",
                span=at(root, "model", name, "position", "max_length"),
                notes=note("the longest sentence", root, "data", "max_length"),
                help=f"lower `data.max_length` to {table.max_length}, or raise the table's",
            )


def norms_after_rotation(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse a norm after rotary positions where none turn what it would be for."""
    turned: dict[Span, bool] = {}
    for path, attention in attentions(spec):
        norm = attention.query_key_norm
        if norm is not None and norm.place == "after_rotation":
            place = at(root, *path, "query_key_norm", "place")
            layer = dict(spec.model.stacks())[str(path[1])].layers[int(path[3])]
            is_turned = path[-1] == "self_attention" and isinstance(layer.position, RotaryPosition)
            turned[place] = turned.get(place, False) or is_turned
    for place in (place for place, is_turned in turned.items() if not is_turned):
        yield mistake(
            place,
            "unused-key",
            "`place: after_rotation` has no effect here: no rotary positions turn these queries",
            "write `place: before_rotation`, or `position: rotary` where the layers have others",
        )


def settings_of_self_attention(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Refuse a temperature of cross-attention, whose queries read no earlier positions, and a table
    of values of its source.
    """
    read: dict[tuple[str, Span], bool] = {}
    for path, attention in attentions(spec):
        for key in ("temperature", "value_embedding"):
            if getattr(attention, key):
                own = key, at(root, *path, key)
                read[own] = read.get(own, False) or path[-1] == "self_attention"
    for key, place in (own for own, is_read in read.items() if not is_read):
        yield mistake(
            place,
            "unused-key",
            f"`{key}` has no effect here: it is for self-attention",
            "remove it",
        )


def one_width_of_embedded_values(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """All layers of a stack read one table of values, as wide as the values of all heads."""
    for name, _ in spec.model.stacks():
        own = [
            (path, each)
            for path, each in attentions(spec)
            if path[1] == name and path[-1] == "self_attention" and each.value_embedding
        ]
        share = spec.model.width(name)
        widths = [
            (each.kv_heads or each.heads) * (each.d_v or share // each.heads) for _, each in own
        ]
        for (path, _), width in zip(own, widths, strict=True):
            if width != widths[0]:
                yield Diagnostic(
                    code="value-embedding",
                    message=f"the values of these layers have {width} numbers, and the table that "
                    f"all layers share has {widths[0]}",
                    span=at(root, *path, "kv_heads"),
                    notes=note("reads the table", root, *path, "value_embedding"),
                    help="write `value_embedding: false` for one of them, or the same `kv_heads` "
                    "and `d_v`",
                )


def after_the_norm(spec: Spec, root: Node) -> Iterator[Diagnostic]:
    """Only embeddings that are normalised have positions before and after that."""
    for name, stack in spec.model.stacks():
        is_after = isinstance(stack.position, AddedPosition) and stack.position.is_after_norm
        if is_after and not (spec.model.embedding.norm and stack.norm.kind != "none"):
            is_bare = spec.model.embedding.norm
            yield Diagnostic(
                code="unused-key",
                message="`after_norm` has no effect here: embeddings have no norm",
                span=at(root, "model", name, "position", "after_norm"),
                notes=note("decides it", root, "model", name, "norm", "kind") if is_bare else (),
                help="remove it"
                if is_bare
                else "remove it, or write `norm: true` below `model.embedding`",
            )


POSITION_CHECKS = (
    distances,
    norms_after_rotation,
    settings_of_self_attention,
    one_width_of_embedded_values,
    even_positions,
    wavelengths,
    position_table,
    after_the_norm,
)
