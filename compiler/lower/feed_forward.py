"""Lowers `feed_forward:` to a block (section 3.3; Shazeer 2020 for the gated forms)."""

from compiler.activations import ACTIVATIONS
from compiler.ir.block import Block, Input, Repeat
from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.elementwise import (
    Activation,
    Add,
    Clamp,
    Dropout,
    Multiply,
    Offset,
    Scale,
    Weigh,
)
from compiler.ops.experts import (
    ONE,
    Affinity,
    Corrected,
    ExpertDispatch,
    RecordLoad,
    TopKAffinities,
    TopKRouter,
    WithinGroups,
)
from compiler.ops.expression import Expression, Hyperparameter
from compiler.ops.linear import Chunk, Linear
from compiler.ops.op import Op
from compiler.ops.shape import BATCH, Free, Shape
from compiler.spec.feed_forward import Experts, SharedExpert
from compiler.spec.feed_forward import FeedForward as Settings


def lower_feed_forward(settings: Settings, context: Context, *, stack: str, place: str) -> Block:
    """Make linear maps and a non-linearity, the same at each position; or several such networks."""
    if settings.experts is not None:
        return _experts(settings, settings.experts, context, stack, place)
    names = ("FeedForward", f"{stack.capitalize()}FeedForward")
    shape = (BATCH, Free("position"), context.d_model)
    return _network(settings, context, place, names, shape)


def _network(
    settings: Settings,
    context: Context,
    place: str,
    classes: tuple[str, ...],
    shape: Shape,
    d_ff: str = "d_ff",
) -> Block:
    activation, width = Activation(name=settings.activation), Hyperparameter(d_ff, settings.d_ff)
    names = ("gate", "hidden") if settings.gated else ("hidden",)
    to_hidden = _linear(settings, context, context.d_model, *((name, width) for name in names))
    to_output = _linear(settings, context, width, ("output", context.d_model))
    body = Body(context.origin(f"{place}.feed_forward"))
    h = body.apply(to_hidden, "x", part="hidden")
    if settings.gated:
        gate, h = body.unpack(Chunk(width=width), h, names=names)
        gate, h = _bounded(settings, body, gate, h)
        gate = body.apply(activation, gate, part=activation.part)
        h = body.apply(Multiply(), gate, h, name="hidden")
    else:
        h = body.apply(activation, h, part=activation.part, name="hidden")
    h = body.apply(Dropout(rate=Hyperparameter("activation_dropout", settings.dropout)), h)
    result = body.apply(to_output, h, part="output")
    if settings.scale != 1.0:
        result = body.apply(Scale(by=Hyperparameter("feed_forward_scale", settings.scale)), result)
    return Block(
        names=classes,
        summary=_summary(settings),
        parts=(("hidden", to_hidden), *learned(activation), ("output", to_output)),
        functions=(body.function("forward", (Input(name="x", shape=shape),), result),),
        origin=body.origin,
    )


def learned(activation: Activation) -> tuple[tuple[str, Op], ...]:
    """Return the part that an activation is, if it has parameters."""
    return ((activation.part, activation),) if activation.part else ()


def _bounded(settings: Settings, body: Body, gate: str, h: str) -> tuple[str, str]:
    """Bound what goes into a gate and what it multiplies, and add to the latter (GPT-OSS)."""
    if settings.clamp is not None:
        bound = Hyperparameter("clamp", settings.clamp)
        gate = body.apply(Clamp(bound=bound, is_both=False), gate, name="gate")
        h = body.apply(Clamp(bound=bound, is_both=True), h, name="hidden")
    if settings.up_offset:
        h = body.apply(Offset(by=Hyperparameter("up_offset", settings.up_offset)), h)
    return gate, h


def _experts(
    settings: Settings, experts: Experts, context: Context, stack: str, place: str
) -> Block:
    """Make a router, the networks that it chooses from, and what keeps all of them in use."""
    count, active = Hyperparameter("expert_count", experts.count), _active(experts)
    names, shape = ("Expert", f"{stack.capitalize()}Expert"), (Free("tokens"), context.d_model)
    network = _network(settings, context, place, names, shape)
    body = Body(context.origin(f"{place}.feed_forward"))
    parts: list[tuple[str, Op | Repeat | Block]] = [("router", _router(experts, context, count))]
    parts.append(("experts", Repeat(block=network, count=count)))
    choice = _choose(experts, body, parts)
    result = body.apply(_mixture(settings, context, active), "x", *choice, part="experts")
    if experts.shared is not None:
        result = _with_shared(settings, experts.shared, context, stack, place, body, parts, result)
    x = Input(name="x", shape=(BATCH, Free("position"), context.d_model))
    return Block(
        names=("Experts", f"{stack.capitalize()}Experts"),
        summary=_summary_of_experts(experts),
        parts=tuple(parts),
        functions=(body.function("forward", (x,), result),),
        origin=body.origin,
    )


def _choose(
    experts: Experts, body: Body, parts: list[tuple[str, Op | Repeat | Block]]
) -> list[str]:
    """Return the chosen experts and their weights; adds what keeps all in use to the parts."""
    count, active = Hyperparameter("expert_count", experts.count), _active(experts)
    router = dict(parts)["router"]
    assert isinstance(router, Linear)
    read = body.apply(router, "x", part="router", name="scores")
    is_plain = experts.score == "softmax" and experts.is_normalized == (experts.active > 1)
    is_plain = is_plain and experts.groups is None and experts.correction is None
    names = ("chosen", "weights")
    if is_plain:
        choice = body.unpack(TopKRouter(count=count, active=active), read, names=names)
    else:
        read = body.apply(Affinity(by=experts.score), read, name="affinities")
        best = TopKAffinities(count=count, active=active, normalized=experts.is_normalized)
        ranked = _ranking(experts, body, parts, read)
        given = () if ranked == read else (ranked,)
        choice = body.unpack(best, read, *given, names=names)
    if experts.records_load:
        balance = RecordLoad(
            factor=Hyperparameter("balance_loss", experts.balance_loss),
            of_affinities=not is_plain,
            counts=experts.correction is not None,
        )
        parts.append(("balance", balance))
        body.unpack(balance, read, choice[0], part="balance", names=())
    if experts.factor != 1.0:
        scale = Scale(by=Hyperparameter("expert_factor", experts.factor))
        choice[1] = body.apply(scale, choice[1], name="weights")
    return choice


def _ranking(
    experts: Experts, body: Body, parts: list[tuple[str, Op | Repeat | Block]], affinities: str
) -> str:
    """Return what experts are chosen by: affinities, corrected by the load, in chosen groups."""
    ranking = affinities
    if experts.correction is not None:
        rate = Hyperparameter("correction_rate", experts.correction.rate)
        correction = Corrected(count=Hyperparameter("expert_count", experts.count), rate=rate)
        parts.append(("correction", correction))
        ranking = body.apply(correction, ranking, part="correction", name="ranking")
    if experts.groups is not None:
        groups = WithinGroups(
            groups=Hyperparameter("expert_groups", experts.groups.count),
            active=Hyperparameter("active_groups", experts.groups.active),
            best=2 if experts.groups.by == "best_two" else 1,
        )
        ranking = body.apply(groups, ranking, name="ranking")
    return ranking


def _with_shared(
    settings: Settings,
    shared: SharedExpert,
    context: Context,
    stack: str,
    place: str,
    body: Body,
    parts: list[tuple[str, Op | Repeat | Block]],
    result: str,
) -> str:
    """Return the sum of the chosen experts and of the one that reads every token."""
    network = _network(
        settings.model_copy(update={"d_ff": shared.d_ff}),
        context,
        place,
        ("SharedExpert", f"{stack.capitalize()}SharedExpert"),
        (BATCH, Free("position"), context.d_model),
        d_ff="shared_d_ff",
    )
    parts.append(("shared", network))
    common = body.invoke("shared", "x", name="shared")
    if shared.gated:
        gate = Linear(
            inputs=context.d_model,
            outputs=(("gate", ONE),),
            bias=False,
            initial=context.initials.matrix,
        )
        parts.append(("shared_gate", gate))
        share = body.apply(gate, "x", part="shared_gate", name="gate")
        share = body.apply(Activation(name="sigmoid"), share)
        common = body.apply(Weigh(), share, common, name="shared")
    return body.apply(Add(), result, common)


def _active(experts: Experts) -> Expression:
    """Return the number of active experts; a single one makes another program."""
    return ONE if experts.active == 1 else Hyperparameter("active_experts", experts.active)


def _router(experts: Experts, context: Context, count: Hyperparameter) -> Linear:
    return Linear(
        inputs=context.d_model,
        outputs=(("experts", count),),
        bias=experts.router_bias,
        initial=context.initials.matrix,
    )


def _mixture(settings: Settings, context: Context, active: Expression) -> ExpertDispatch:
    return ExpertDispatch(
        d_model=context.d_model,
        d_ff=Hyperparameter("d_ff", settings.d_ff),
        active=active,
        matrices=3 if settings.gated else 2,
        weighs_inputs=settings.experts is not None and settings.experts.weigh == "inputs",
    )


def _summary_of_experts(experts: Experts) -> str:
    networks = "{expert_count} feed-forward networks, of which a router chooses"
    chosen, source = "{active_experts}", "Shazeer et al. 2017"
    if experts.active == 1:
        chosen, source = "one", "Fedus et al. 2021"
    if experts.shared is not None:
        return f"{networks} {chosen} for each token, and one that reads all (Dai et al. 2024)."
    return f"{networks} {chosen} for each token ({source})."


def _linear(
    settings: Settings, context: Context, inputs: Hyperparameter, *outputs: tuple[str, Expression]
) -> Linear:
    return Linear(
        inputs=inputs,
        outputs=outputs,
        bias=settings.bias,
        initial=context.initials.matrix,
        gains=context.gains(*(name for name, _ in outputs)),
    )


def _summary(settings: Settings) -> str:
    activation = ACTIVATIONS[settings.activation]
    if not settings.gated:
        between = f"with {activation.words} between them"
        return (
            f"Two linear maps {between}, position by position (Vaswani et al. 2017, section 3.3)."
        )
    source = f"({activation.gated}, Shazeer 2020)" if activation.gated else "(Shazeer 2020)"
    return f"A linear map gated by another through {activation.words}, and a third {source}."
