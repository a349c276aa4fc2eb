"""Lowers `feed_forward:` to a block (section 3.3; Shazeer 2020 for the gated forms)."""

from compiler.activations import ACTIVATIONS
from compiler.ir.block import Block, Input, Repeat
from compiler.ir.build import Body
from compiler.lower.settings import Context
from compiler.ops.elementwise import Activation, Clamp, Dropout, Multiply, Offset, Scale
from compiler.ops.experts import ONE, ExpertDispatch, RecordLoad, TopKRouter
from compiler.ops.expression import Expression, Hyperparameter
from compiler.ops.linear import Chunk, Linear
from compiler.ops.op import Op
from compiler.ops.shape import BATCH, Free, Shape
from compiler.spec.feed_forward import Experts
from compiler.spec.feed_forward import FeedForward as Settings


def lower_feed_forward(settings: Settings, context: Context, *, stack: str, place: str) -> Block:
    """Make linear maps and a non-linearity, the same at each position; or several such networks."""
    if settings.experts is not None:
        return _experts(settings, settings.experts, context, stack, place)
    names = ("FeedForward", f"{stack.capitalize()}FeedForward")
    shape = (BATCH, Free("position"), context.d_model)
    return _network(settings, context, place, names, shape)


def _network(
    settings: Settings, context: Context, place: str, classes: tuple[str, ...], shape: Shape
) -> Block:
    d_ff, activation = (
        Hyperparameter("d_ff", settings.d_ff),
        Activation(name=settings.activation),
    )
    names = ("gate", "hidden") if settings.gated else ("hidden",)
    to_hidden = _linear(settings, context, context.d_model, *((name, d_ff) for name in names))
    to_output = _linear(settings, context, d_ff, ("output", context.d_model))
    body = Body(context.origin(f"{place}.feed_forward"))
    h = body.apply(to_hidden, "x", part="hidden")
    if settings.gated:
        gate, h = body.unpack(Chunk(width=d_ff), h, names=names)
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
    router = _router(context, count)
    names, shape = ("Expert", f"{stack.capitalize()}Expert"), (Free("tokens"), context.d_model)
    network = _network(settings, context, place, names, shape)
    parts: list[tuple[str, Op | Repeat]] = [("router", router)]
    parts.append(("experts", Repeat(block=network, count=count)))
    body = Body(context.origin(f"{place}.feed_forward"))
    scores = body.apply(router, "x", part="router", name="scores")
    choice = body.unpack(
        TopKRouter(count=count, active=active), scores, names=("chosen", "weights")
    )
    if experts.balance_loss:
        balance = RecordLoad(factor=Hyperparameter("balance_loss", experts.balance_loss))
        parts.append(("balance", balance))
        body.unpack(balance, scores, choice[0], part="balance", names=())
    result = body.apply(_mixture(settings, context, active), "x", *choice, part="experts")
    x = Input(name="x", shape=(BATCH, Free("position"), context.d_model))
    return Block(
        names=("Experts", f"{stack.capitalize()}Experts"),
        summary=_summary_of_experts(experts),
        parts=tuple(parts),
        functions=(body.function("forward", (x,), result),),
        origin=body.origin,
    )


def _active(experts: Experts) -> Expression:
    """Return the number of active experts; a single one makes another program."""
    return ONE if experts.active == 1 else Hyperparameter("active_experts", experts.active)


def _router(context: Context, count: Hyperparameter) -> Linear:
    return Linear(
        inputs=context.d_model,
        outputs=(("experts", count),),
        bias=False,
        initial=context.initials.matrix,
    )


def _mixture(settings: Settings, context: Context, active: Expression) -> ExpertDispatch:
    return ExpertDispatch(
        d_model=context.d_model,
        d_ff=Hyperparameter("d_ff", settings.d_ff),
        active=active,
        matrices=3 if settings.gated else 2,
    )


def _summary_of_experts(experts: Experts) -> str:
    networks = "{expert_count} feed-forward networks, of which a router chooses"
    if experts.active == 1:
        return f"{networks} one for each token (Fedus et al. 2021)."
    return f"{networks} {{active_experts}} for each token (Shazeer et al. 2017)."


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
