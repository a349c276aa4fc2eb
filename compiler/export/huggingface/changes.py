"""Changes of coordinates that bring a spec nearer to what a class can say."""

from collections.abc import Callable
from dataclasses import dataclass

from compiler.export import coordinates
from compiler.export.coordinates import attentions, with_embedding, with_groups, with_model
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.position import LearnedPosition, RotaryPosition, SinusoidalPosition
from compiler.spec.spec import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of coordinates: `toward` gives the spec in other coordinates.

    It gets a spec and the one that a class would say in its place, and returns the former where the
    change does not help. `words` tell the user what became of the settings.
    """

    name: str
    words: str
    toward: Callable[[Spec, Spec], Spec]


def _stack(spec: Spec) -> Stack:
    return next(stack for _, stack in spec.model.stacks())


def _group(spec: Spec) -> LayerGroup:
    return _stack(spec).layers[0]


def _own_layers(spec: Spec, _: Spec) -> Spec:
    return with_groups(spec, lambda _: {"distinct": None})


def _whole_tables(spec: Spec, _: Spec) -> Spec:
    if spec.model.embedding.width is None:
        return spec
    return with_embedding(spec, tied="none", width=None)


def _own_tables(spec: Spec, wanted: Spec) -> Spec:
    if spec.model.embedding.tied == "none" or wanted.model.embedding.tied != "none":
        return spec
    return with_embedding(spec, tied="none")


def _equal_heads(spec: Spec, _: Spec) -> Spec:
    def of_group(group: LayerGroup) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, each in attentions(group).items():
            d_k, d_v = each.d_k or 0, each.d_v or 0
            if d_k == d_v:
                continue
            width, scale = max(d_k, d_v), each.scale or d_k**-0.5
            found[name] = each.model_copy(update={"d_k": width, "d_v": width, "scale": scale})
            if name == "self_attention" and isinstance(group.position, RotaryPosition):
                fraction = round(group.position.fraction * d_k) / width
                found["position"] = group.position.model_copy(update={"fraction": fraction})
        return found

    return with_groups(spec, of_group)


def _feed_forward_scale(spec: Spec, wanted: Spec) -> Spec:
    network = _group(wanted).feed_forward
    if network is None or network.scale != 1.0:
        return spec

    def of_group(group: LayerGroup) -> dict[str, object]:
        own = group.feed_forward
        return {} if own is None else {"feed_forward": own.model_copy(update={"scale": 1.0})}

    return with_groups(spec, of_group)


def _output_scale(spec: Spec, wanted: Spec) -> Spec:
    output = spec.model.output
    if output.scale == wanted.model.output.scale or spec.model.is_pooled:
        return spec
    plain = with_model(spec, output=output.model_copy(update={"scale": 1.0}))
    return with_embedding(plain, tied="none", width=None)


def _norms(spec: Spec, wanted: Spec) -> Spec:
    own, other = _stack(spec).norm, _stack(wanted).norm
    if own.kind != "rms_norm" or other.kind != "rms_norm" or own.offset == other.offset:
        return spec
    return coordinates.with_offset_of_norms(spec, bool(other.offset))


def _biases(spec: Spec, wanted: Spec) -> Spec:
    """Add the biases that the class has; those of ours stay, whether it has them or not."""

    def of_stack(name: str, stack: Stack) -> dict[str, object]:
        theirs = getattr(wanted.model, name)
        if theirs is None:
            return {}
        other = theirs.layers[0]
        layers = [_with_biases(group, other) for group in stack.layers]
        norm = stack.norm
        if norm.kind == "layer_norm" == theirs.norm.kind:
            norm = norm.model_copy(update={"bias": bool(norm.bias or theirs.norm.bias)})
        return {"layers": layers, "norm": norm}

    stacks = {
        name: stack.model_copy(update=of_stack(name, stack)) for name, stack in spec.model.stacks()
    }
    output = spec.model.output
    if not spec.model.is_pooled:
        bias = output.bias or wanted.model.output.bias
        output = output.model_copy(update={"bias": bias})
    return with_model(spec, output=output, **stacks)


def _with_biases(group: LayerGroup, other: LayerGroup) -> LayerGroup:
    found: dict[str, object] = {}
    for name, each in attentions(group).items():
        if theirs := attentions(other).get(name):
            biases = {
                "bias": each.bias or theirs.bias,
                "output_bias": bool(each.output_bias or theirs.output_bias),
            }
            found[name] = each.model_copy(update=biases)
    if group.feed_forward is not None and other.feed_forward is not None:
        bias = group.feed_forward.bias or other.feed_forward.bias
        found["feed_forward"] = group.feed_forward.model_copy(update={"bias": bias})
    return group.model_copy(update=found)


def _halves(spec: Spec, wanted: Spec) -> Spec:
    position = _group(wanted).position
    if not isinstance(position, RotaryPosition) or position.layout != "half":
        return spec
    return coordinates.with_halves_turned(spec)


def _tables_of_positions(spec: Spec, wanted: Spec) -> Spec:
    own = _stack(spec).position
    is_free = own.kind == "sinusoidal" or (own.kind == _group(spec).position.kind == "none")
    if not is_free or not isinstance(_stack(wanted).position, LearnedPosition):
        return spec
    return coordinates.with_tables_of_positions(spec, coordinates.positions_of(spec))


def _rows_before_positions(spec: Spec, wanted: Spec) -> Spec:
    own, other = _stack(spec).position, _stack(wanted).position
    both = isinstance(own, LearnedPosition) and isinstance(other, LearnedPosition)
    if not both or getattr(own, "offset", 0) >= getattr(other, "offset", 0):
        return spec
    return coordinates.with_rows_before_positions(spec, getattr(other, "offset", 0))


def _sines_first(spec: Spec, wanted: Spec) -> Spec:
    own, other = _stack(spec).position, _stack(wanted).position
    both = isinstance(own, SinusoidalPosition) and isinstance(other, SinusoidalPosition)
    if not both or getattr(own, "layout", "") != "interleaved":
        return spec
    if getattr(other, "layout", "") != "concatenated" or any(
        group.mixers for _, stack in spec.model.stacks() for group in stack.layers
    ):
        return spec
    return coordinates.with_concatenated_sines(spec)


def _scaled_tables(spec: Spec, wanted: Spec) -> Spec:
    own, other = spec.model.embedding, wanted.model.embedding
    if own.scale == other.scale or own.tied != "none" or own.width is not None:
        return spec
    return coordinates.with_scaled_tables(spec)


def _scaled_stream(spec: Spec, wanted: Spec) -> Spec:
    own, other = spec.model.embedding, wanted.model.embedding
    if own.scale == other.scale or coordinates.why_not_scaled(spec) is not None:
        return spec
    return coordinates.with_scaled_stream(spec)


def _segments(spec: Spec, wanted: Spec) -> Spec:
    if spec.model.embedding.segments is not None:
        return spec
    return with_embedding(spec, segments=wanted.model.embedding.segments)


CHANGES: tuple[Change, ...] = tuple(
    Change(name=name, words=words, toward=toward)
    for name, words, toward in (
        ("own_layers", "layers that take turns are repeated", _own_layers),
        ("whole_tables", "narrow tables are multiplied out", _whole_tables),
        ("equal_heads", "narrow heads are padded with zeros", _equal_heads),
        ("feed_forward_scale", "the factor is in the feed-forward weights", _feed_forward_scale),
        ("output_scale", "the factor is in an output matrix of its own", _output_scale),
        ("norms", "1 is added to the weights of norms, or taken from them", _norms),
        ("halves", "rotary neighbours became halves (queries and keys reordered)", _halves),
        ("tables_of_positions", "positions are written into a table", _tables_of_positions),
        ("rows_before", "unread rows before the first position", _rows_before_positions),
        ("sines_first", "positions: sines first (the stream permuted)", _sines_first),
        ("scaled_tables", "the factor of embeddings is in their tables", _scaled_tables),
        ("scaled_stream", "the factor of embeddings divides the stream instead", _scaled_stream),
        ("segments", "vectors of segments that ours lacks are 0", _segments),
        ("own_tables", "the output has a matrix of its own", _own_tables),
        ("biases", "biases that ours lacks are 0", _biases),
    )
)
"""In the order in which they are tried."""
