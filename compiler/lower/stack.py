"""`encoder:` and `decoder:` to stacks of layers (Vaswani et al. 2017, section 3.1)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from compiler.ir.block import Block, Input, Repeat
from compiler.ir.build import Body
from compiler.lower.attention import lower_cross_attention, lower_self_attention
from compiler.lower.feed_forward import lower_feed_forward
from compiler.lower.kinds import layer_words
from compiler.lower.masking import STREAMS, MaskPlan, plan_masks
from compiler.lower.residual import lower_norm, lower_residual, lower_streams
from compiler.lower.settings import Context, required
from compiler.ops.expression import Hyperparameter
from compiler.ops.op import Op
from compiler.ops.shape import BATCH
from compiler.ops.streams import RepeatStream, SumStreams
from compiler.spec.model import LayerGroup, Stack
from compiler.spec.tasks import ATTENTIONS

_BARE = " The first sub-layer reads its input as it is."

Parts = list[tuple[str, Op | Repeat | Block]]


def lower_stack(settings: Stack, stack: str, context: Context) -> Block:
    """Lower the groups of layers, one after the other; groups share the list `layers`."""
    plans = {each: plan_masks(settings, stack, each) for each in ATTENTIONS}
    lowering = _Lowering(settings=settings, stack=stack, plans=plans, context=context)
    runs = list(_runs(settings))
    layers = [lowering.numbered(first).layer(index, bare=bare) for index, first, _, bare in runs]
    body, x, first, parts = Body(context.origin(f"model.{stack}")), "x", 0, Parts()
    if (streams := lower_streams(settings)) is not None:
        x = body.apply(RepeatStream(streams=streams), x, name="x")
    for layer, (_, _, group, _) in zip(layers, runs, strict=True):
        distinct = group.distinct or group.repeat
        last = first + distinct
        part = "layers" if len(layers) == 1 else f"layers[{first}:{last}]"
        count, held = Hyperparameter(f"{stack}_layers", group.repeat), None
        if distinct < group.repeat:
            held = Hyperparameter(f"{stack}_distinct_layers", distinct)
        holder = "" if len(layers) == 1 else "layers"
        repeat = Repeat(block=layer, count=count, distinct=held, holder=holder, first=first)
        parts.append((part, repeat))
        given_to = (each.name for each in layer.function("forward").inputs[1:])
        x = body.invoke(part, x, *given_to, name="x")
        first = last
    every = sum(group.repeat for group in settings.layers)
    summary = f"{{{stack}_layers}} layers" if len(layers) == 1 else f"{every} layers"
    if streams is not None:
        x = body.apply(SumStreams(streams=streams), x, name="x")
    norm = lower_norm(settings.norm, context)
    if norm is not None and settings.norm.final:
        parts.append(("norm", norm))
        x = body.apply(norm, x, part="norm")
        summary += " and a norm after the last"
    return Block(
        names=(stack.capitalize(),),
        summary=f"{summary}.",
        parts=tuple(parts),
        functions=(body.function("forward", lowering.inputs(layers), x),),
        closed=True,
        origin=body.origin,
    )


def _apart(groups: list[LayerGroup]) -> Iterator[tuple[int, int, LayerGroup]]:
    """Yield groups of equal layers: the place in the spec, the number of the first, the group.

    Layers that begin with another number each are groups of their own.
    """
    first = 1
    for index, group in enumerate(groups):
        found = (getattr(group, each) for each in ATTENTIONS if each in group.sub_layers)
        if any(each.differential for each in found):
            alone = group.model_copy(update={"repeat": 1, "distinct": None})
            yield from ((index, first + number, alone) for number in range(group.repeat))
        else:
            yield index, first, group
        first += group.repeat


def _runs(settings: Stack) -> Iterator[tuple[int, int, LayerGroup, bool]]:
    """Yield groups of equal layers, and whether their first sub-layer has no norm before it.

    A first layer that lacks a norm is one by itself, before the others of its group.
    """
    for index, first, group in _apart(settings.layers):
        if first > 1 or settings.norm.first is not False:
            yield index, first, group, False
            continue
        yield index, first, group.model_copy(update={"repeat": 1, "distinct": None}), True
        if group.repeat > 1:
            rest = {"repeat": group.repeat - 1, "distinct": None}
            yield index, first + 1, group.model_copy(update=rest), False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lowering:
    """One stack on its way to a block."""

    settings: Stack
    stack: str
    plans: dict[str, MaskPlan]
    context: Context

    def numbered(self, number: int) -> "_Lowering":
        """Return the lowering of the layer of this number."""
        return replace(self, context=replace(self.context, layer_number=number))

    def inputs(self, layers: list[Block]) -> tuple[Input, ...]:
        """Return the stream, and the encoder's output if a layer reads it."""
        read = (each for layer in layers for each in layer.function("forward").inputs)
        memory = dict.fromkeys(each for each in read if each.name == "memory")
        return (self.stream("x"), *memory)

    def stream(self, name: str) -> Input:
        shape = (BATCH, STREAMS[self.stack], self.context.d_model)
        return Input(name=name, shape=shape)

    def streams(self) -> Input:
        """Return what a layer reads: the stream, or several."""
        one, count = self.stream("x"), lower_streams(self.settings)
        if count is None:
            return one
        return replace(one, shape=(*one.shape[:2], count, *one.shape[2:]))

    def layer(self, number: int, *, bare: bool) -> Block:
        """A layer of a group: its sub-layers in order, each with a residual connection.

        Of a `bare` layer the first sub-layer has no norm before it.
        """
        group, place = self.settings.layers[number], f"model.{self.stack}.layers.{number}"
        residual = lower_residual(self.settings, group, self.context)
        chosen = f"model.{self.stack}.norm.first" if bare else place
        body, x, parts = Body(self.context.origin(chosen)), "x", Parts()
        told = dict[Input, None]()
        for count, branches in enumerate(self.sub_layers(number, group)):
            added = residual.bare() if bare and count == 0 else residual
            parts += [*branches.items(), *added.parts(tuple(branches), count)]
            others = {name: each.function("forward").inputs[1:] for name, each in branches.items()}
            told.update(dict.fromkeys(one for each in others.values() for one in each))
            given_to = {name: tuple(one.name for one in each) for name, each in others.items()}
            x = added.add(body, x, given_to, count)
        name = f"{bare * 'First'}{self.stack.capitalize()}Layer"
        inputs = (self.streams(), *told)
        return Block(
            names=(name, *(f"{word}{name}" for word in layer_words(group))),
            summary=f"{residual.summary}{bare * _BARE}",
            parts=tuple(parts),
            functions=(body.function("forward", inputs, x),),
            origin=body.origin,
        )

    def sub_layers(self, number: int, group: LayerGroup) -> Iterator[dict[str, Block]]:
        """The sub-layers of a layer by the names of their parts, those side by side together.

        The second of a kind has a 2 in its name.
        """
        counts = Counter[str]()
        for each in group.block:
            branches = {}
            for kind in [each] if isinstance(each, str) else each:
                counts[kind] += 1
                name = kind if counts[kind] == 1 else f"{kind}_{counts[kind]}"
                branches[name] = self.sub_layer(kind, number, group)
            yield branches

    def sub_layer(self, kind: str, number: int, group: LayerGroup) -> Block:
        place, stack, context = f"model.{self.stack}.layers.{number}", self.stack, self.context
        match kind:
            case "feed_forward":
                settings = required(group.feed_forward)
                return lower_feed_forward(settings, context, stack=stack, place=place)
            case _ if kind in group.mixers:
                mixer = group.mixers[kind]
                from compiler.lower.mixer import lower_mixer  # late: few networks have one

                return lower_mixer(mixer, context, stack=stack, name=kind, place=place)
        plan = self.plans[kind]
        if kind == "self_attention":
            return lower_self_attention(required(group.self_attention), plan, group, context, place)
        return lower_cross_attention(required(group.cross_attention), plan, context, place)
