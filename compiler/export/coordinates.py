"""The settings of a network in other coordinates: it computes the same with other numbers.

`runtime/export/coordinates/` has the numbers that belong to each change.
"""

from collections.abc import Callable
from typing import Any

from compiler.spec.attention import Attention
from compiler.spec.initialization import MupInitialization, NormalInitialization
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.position import AddedPosition, LearnedPosition, SinusoidalPosition
from compiler.spec.spec import Spec
from compiler.spec.tasks import ATTENTIONS


def with_model(spec: Spec, **sections: object) -> Spec:
    """Return a spec with other sections of the model.

    Rules of muP would refuse some of them; the factors that it has chosen are settings by now, and
    new weights are drawn from the same distribution without its rules.
    """
    initialization = spec.model.initialization
    if isinstance(initialization, MupInitialization):
        drawn = NormalInitialization(kind="normal", std=initialization.std)
        sections = {"initialization": drawn, **sections}
    return spec.model_copy(update={"model": spec.model.model_copy(update=sections)})


def with_embedding(spec: Spec, **settings: object) -> Spec:
    """Return a spec with other settings of `model.embedding`."""
    return with_model(spec, embedding=spec.model.embedding.model_copy(update=settings))


def with_stacks(spec: Spec, change: Callable[[Stack], dict[str, object]]) -> Spec:
    """Return a spec whose stacks have other settings, those that a function gives for each."""
    stacks = {name: stack.model_copy(update=change(stack)) for name, stack in spec.model.stacks()}
    return with_model(spec, **stacks)


def with_groups(spec: Spec, change: Callable[[LayerGroup], dict[str, object]]) -> Spec:
    """Return a spec whose groups of layers have other settings."""
    return with_stacks(
        spec,
        lambda stack: {"layers": [each.model_copy(update=change(each)) for each in stack.layers]},
    )


def attentions(group: LayerGroup) -> dict[str, Attention]:
    """Return the attentions of layers by their names."""
    found = {each: getattr(group, each) for each in ATTENTIONS}
    return {name: each for name, each in found.items() if each is not None}


def with_biases(spec: Spec) -> Spec:
    """Return a spec in which all linear maps, layer norms and logits have biases, zeros as yet."""

    def of_group(group: LayerGroup) -> dict[str, object]:
        found: dict[str, Any] = {
            name: each.model_copy(update={"bias": True, "output_bias": True})
            for name, each in attentions(group).items()
        }
        if group.feed_forward is not None:
            found["feed_forward"] = group.feed_forward.model_copy(update={"bias": True})
        return found

    def of_norm(stack: Stack) -> dict[str, object]:
        has_bias = True if stack.norm.kind == "layer_norm" else None
        return {"norm": stack.norm.model_copy(update={"bias": has_bias})}

    output = spec.model.output
    if not spec.model.is_pooled:
        output = output.model_copy(update={"bias": True})
    return with_model(with_stacks(with_groups(spec, of_group), of_norm), output=output)


def with_concatenated_sines(spec: Spec) -> Spec:
    """Return a spec whose positions are all sines first, then all cosines."""

    def of_stack(stack: Stack) -> dict[str, object]:
        if not isinstance(stack.position, SinusoidalPosition):
            return {}
        return {"position": stack.position.model_copy(update={"layout": "concatenated"})}

    return with_stacks(spec, of_stack)


def positions_of(spec: Spec) -> int:
    """Return the rows of a table in the place of sines: as many as decoding may reach."""
    extra = 0 if spec.model.decoder is None else spec.decoding.max_extra_length
    return spec.data.max_length + extra


def with_tables_of_positions(spec: Spec, max_length: int) -> Spec:
    """Return a spec whose stacks read positions from tables; angles and biases stay as they are."""

    def of_stack(stack: Stack) -> dict[str, object]:
        if isinstance(stack.position, LearnedPosition):
            return {}
        late = isinstance(stack.position, AddedPosition) and stack.position.is_after_norm
        table = LearnedPosition(kind="learned", max_length=max_length, after_norm=late)
        return {"position": table}

    return with_stacks(spec, of_stack)


def with_rows_before_positions(spec: Spec, offset: int) -> Spec:
    """Return a spec whose tables of positions have `offset` rows that no position reads."""

    def of_stack(stack: Stack) -> dict[str, object]:
        if not isinstance(stack.position, LearnedPosition):
            return {}
        return {"position": stack.position.model_copy(update={"offset": offset})}

    return with_stacks(spec, of_stack)


def with_scaled_stream(spec: Spec) -> Spec:
    """Return a spec whose residual streams are smaller by the factor that embeddings have, or
    larger by it where they have none: `embedding.scale` is the other one then, and so is the eps.
    """
    was_scaled = spec.model.embedding.scale == "sqrt_d_model"
    stacks = {}
    for name, stack in spec.model.stacks():
        width = spec.model.width(name)
        eps = (stack.norm.eps or 0.0) * (1 / width if was_scaled else width)
        stacks[name] = stack.model_copy(update={"norm": stack.norm.model_copy(update={"eps": eps})})
    scale = "none" if was_scaled else "sqrt_d_model"
    return with_embedding(with_model(spec, **stacks), scale=scale)


def why_not_scaled(spec: Spec) -> str | None:
    """Return the reason for which a residual stream cannot be scaled, if there is one."""
    for _, stack in spec.model.stacks():
        if stack.norm.place not in ("pre", "sandwich") or not stack.norm.final:
            return "a sub-layer or the output reads the stream without a norm"
        if isinstance(stack.position, SinusoidalPosition):
            return "sines have one size"
        if any(group.mixers for group in stack.layers):
            return "recurrences and convolutions are not scaled"
    if spec.model.prediction is not None or spec.model.is_pooled:
        return "the head behind the encoder has norms or maps of its own"
    return None


def with_scaled_tables(spec: Spec) -> Spec:
    """Return a spec with the other `embedding.scale`: the tables of embeddings have it, or not."""
    was_scaled = spec.model.embedding.scale == "sqrt_d_model"
    return with_embedding(spec, scale="none" if was_scaled else "sqrt_d_model")


def with_offset_of_norms(spec: Spec, offset: bool) -> Spec:
    """Return a spec whose RMS norms multiply by 1 + weight, or by the weight."""

    def of_stack(stack: Stack) -> dict[str, object]:
        if stack.norm.kind != "rms_norm":
            return {}
        return {"norm": stack.norm.model_copy(update={"offset": offset})}

    return with_stacks(spec, of_stack)


def with_halves_turned(spec: Spec) -> Spec:
    """Return a spec whose rotary positions turn a number with that half a width away."""

    def of_group(group: LayerGroup) -> dict[str, object]:
        if getattr(group.position, "layout", None) != "interleaved":
            return {}
        return {"position": group.position.model_copy(update={"layout": "half"})}

    return with_groups(spec, of_group)
