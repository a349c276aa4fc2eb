"""Mixers whose state is a matrix: linear attention in all its forms."""

from compiler.ir.block import shown
from compiler.lower.mixer_writer import Writer
from compiler.lower.settings import required
from compiler.ops.convolution import DepthwiseConvolution
from compiler.ops.elementwise import Activation, Multiply, Scale
from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, product, total
from compiler.ops.heads import MergeHeads, ShareHeads, SplitGroups, SplitHeads
from compiler.ops.linear import Chunk, Split
from compiler.ops.norm import GroupRMSNorm, Norm, RMSNorm
from compiler.ops.scan import DeltaScan, FixedDecay, GatedDecay, Scan, StateSpaceScan
from compiler.ops.state_space import SkipConnection, StepDecay, StepSize, UnitLength, Weigh
from compiler.spec.linear_mixer import DeltaNet, LinearAttention, MatrixMixer, StateSpace

_DECAYS = {
    "fixed": "with fixed decays (retention, Sun et al. 2023)",
    "head": "with a decay for each from the token",
    "number": "with a decay for each number of its keys from the token (gated linear attention, "
    "Yang et al. 2024)",
}


def lower_linear_attention(settings: LinearAttention, writer: Writer) -> tuple[str, str]:
    """Write the maps to queries, keys, values and decays, the scan, and what follows it."""
    body, d_model = writer.body, writer.context.d_model
    heads = Hyperparameter("heads", settings.heads)
    d_k, d_v = (Hyperparameter(name, required(getattr(settings, name))) for name in ("d_k", "d_v"))
    widths = {"query": d_k, "key": d_k, "value": d_v}
    outputs = tuple((name, product(heads, width)) for name, width in widths.items())
    fused = writer.map("query_key_value", writer.stream, d_model, *outputs, bias=False)
    split = SplitHeads(heads=heads, widths=tuple(widths.values()))
    query, key, value = body.unpack(split, fused, names=tuple(widths))
    decay = _decay(settings, writer, query, heads, d_k)
    query = body.apply(Scale(by=Binary(d_k, "**", Const(-0.5))), query)
    scan = Scan(
        heads=heads, d_k=d_k, d_v=d_v, by_number=settings.decay == "number", **_ways(settings)
    )
    mixed, *_ = writer.mix(scan, *_results(settings), of=(query, key, value, decay))
    if settings.norm:
        norm = RMSNorm(
            width=d_v, eps=Hyperparameter("mixer_eps", required(settings.eps)), offset=False
        )
        mixed = writer.apply("norm", norm, mixed)
    mixed, width = body.apply(MergeHeads(heads=heads, width=d_v), mixed), product(heads, d_v)
    if settings.gate:
        gate = writer.map("gate", writer.stream, d_model, ("gate", width), bias=False)
        mixed = body.apply(Multiply(), mixed, body.apply(Activation(name="silu"), gate))
    summary = f"Linear attention of {{heads}} heads {_DECAYS[settings.decay]}{_both(settings)}."
    return summary, writer.output(mixed, width, bias=False)


def lower_state_space(settings: StateSpace, writer: Writer) -> tuple[str, str]:
    """Write the map to all that the state space reads, the convolution, the scan and the norm."""
    body, d_model = writer.body, writer.context.d_model
    heads, groups = (
        Hyperparameter("heads", settings.heads),
        Hyperparameter("groups", settings.groups),
    )
    d_head = Hyperparameter("d_head", required(settings.d_head))
    d_state = Hyperparameter("d_state", settings.d_state)
    inner, shared = product(heads, d_head), product(groups, d_state)
    outputs = {"gate": inner, "value": inner, "key": shared, "query": shared, "step": heads}
    fused = writer.map("input", writer.stream, d_model, *outputs.items(), bias=settings.bias)
    read = total(inner, shared, shared)
    split = Split(widths=(inner, read, heads))
    gate, near, step = body.unpack(split, fused, names=("gate", "near", "step"))
    near = _convolved(writer, near, read, settings.width, bias=settings.convolution_bias)
    parts = SplitGroups(parts=((heads, d_head), (groups, d_state), (groups, d_state)))
    value, key, query = body.unpack(parts, near, names=("value", "key", "query"))
    if settings.groups != settings.heads:
        share = ShareHeads(groups=groups, heads=heads)
        key, query = (body.apply(share, each, name=shown(each)) for each in (key, query))
    step = _of_heads(writer, writer.apply("step_bias", StepSize(heads=heads), step), heads, "step")
    decay = writer.apply("log_rate", StepDecay(heads=heads), step, name="decay")
    scan = StateSpaceScan(heads=heads, d_k=d_state, d_v=d_head, **_ways(settings))
    weighed = body.apply(Weigh(), value, step)
    mixed, *_ = writer.mix(scan, *_results(settings), of=(query, key, weighed, decay))
    mixed = writer.apply("skip", SkipConnection(heads=heads), mixed, value)
    mixed = body.apply(MergeHeads(heads=heads, width=d_head), mixed)
    mixed = body.apply(Multiply(), mixed, body.apply(Activation(name="silu"), gate))
    eps = Hyperparameter("mixer_eps", settings.eps)
    norm: Norm = RMSNorm(width=inner, eps=eps, offset=False)
    if settings.groups > 1:
        norm = GroupRMSNorm(width=inner, eps=eps, groups=groups)
    mixed = writer.apply("norm", norm, mixed)
    summary = "A state space of {heads} heads, {d_state} numbers for each of {d_head} (Mamba-2, "
    summary += f"Dao and Gu 2024){_both(settings)}."
    return summary, writer.output(mixed, inner, bias=settings.bias)


def lower_delta_net(settings: DeltaNet, writer: Writer) -> tuple[str, str]:
    """Write the maps, the convolution, the scan by the delta rule, its norm and its gate."""
    body, d_model = writer.body, writer.context.d_model
    heads = Hyperparameter("heads", settings.heads)
    key_heads = Hyperparameter("key_heads", required(settings.key_heads))
    d_k, d_v = (Hyperparameter(name, required(getattr(settings, name))) for name in ("d_k", "d_v"))
    keys, values = product(key_heads, d_k), product(heads, d_v)
    outputs = (("query", keys), ("key", keys), ("value", values), ("gate", values))
    fused = writer.map("input", writer.stream, d_model, *outputs, bias=False)
    read = total(keys, keys, values)
    near, gate = body.unpack(Split(widths=(read, values)), fused, names=("near", "gate"))
    near = _convolved(writer, near, read, settings.width, bias=False)
    parts = SplitGroups(parts=((key_heads, d_k), (key_heads, d_k), (heads, d_v)))
    query, key, value = body.unpack(parts, near, names=("query", "key", "value"))
    query, key = (body.apply(UnitLength(), each, name=shown(each)) for each in (query, key))
    if settings.key_heads != settings.heads:
        share = ShareHeads(groups=key_heads, heads=heads)
        query, key = (body.apply(share, each, name=shown(each)) for each in (query, key))
    query = body.apply(Scale(by=Binary(d_k, "**", Const(-0.5))), query)
    both = writer.map("rates", writer.stream, d_model, ("rate", heads), ("step", heads), bias=False)
    rate, step = body.unpack(Chunk(width=heads), both, names=("rate", "step"))
    rate = _of_heads(writer, body.apply(Activation(name="sigmoid"), rate), heads, "rate")
    step = _of_heads(writer, writer.apply("step_bias", StepSize(heads=heads), step), heads, "step")
    decay = writer.apply("log_rate", StepDecay(heads=heads), step, name="decay")
    scan = DeltaScan(heads=heads, d_k=d_k, d_v=d_v, **_ways(settings))
    mixed, *_ = writer.mix(scan, *_results(settings), of=(query, key, value, decay, rate))
    norm = RMSNorm(width=d_v, eps=Hyperparameter("mixer_eps", settings.eps), offset=False)
    mixed = body.apply(MergeHeads(heads=heads, width=d_v), writer.apply("norm", norm, mixed))
    mixed = body.apply(Multiply(), mixed, body.apply(Activation(name="silu"), gate))
    summary = "A state of {heads} heads that decays and unlearns what a key held (Gated DeltaNet, "
    summary += f"Yang et al. 2025){_both(settings)}."
    return summary, writer.output(mixed, values, bias=False)


def _convolved(writer: Writer, x: str, width: Expression, reads: int, *, bias: bool) -> str:
    """Return what a causal convolution of each number and a SiLU make of `x`."""
    op = DepthwiseConvolution(
        inputs=width,
        width=Hyperparameter("convolution_width", reads),
        causal=True,
        initial=writer.context.initials.matrix,
        bias=bias,
    )
    writer.parts["convolution"] = op
    near = writer.body.apply(op, x, part="convolution")
    return writer.body.apply(Activation(name="silu"), near)


def _of_heads(writer: Writer, x: str, heads: Hyperparameter, name: str) -> str:
    """Return the numbers of heads [batch, position, heads] as [batch, heads, position, 1]."""
    (result,) = writer.body.unpack(SplitHeads(heads=heads, widths=(Const(1),)), x, names=(name,))
    return result


def _results(settings: MatrixMixer) -> tuple[str, ...]:
    """Return the names of what a scan gives: a state of one direction is a result, too."""
    return ("mixed",) if settings.reads_ahead else ("mixed", "_")


def _ways(settings: MatrixMixer) -> dict[str, bool]:
    """Return by which ways a scan reads texts."""
    return {"both": settings.reads_ahead, "fused": settings.kernel == "fla"}


def _both(settings: MatrixMixer) -> str:
    return ", from the beginning and from the end of the text" if settings.reads_ahead else ""


def _decay(
    settings: LinearAttention,
    writer: Writer,
    query: str,
    heads: Hyperparameter,
    d_k: Hyperparameter,
) -> str:
    """Return the logarithms of decays, of each head or of each number of its keys."""
    body, d_model, x = writer.body, writer.context.d_model, writer.stream
    width: Expression = Const(1)
    match settings.decay:
        case "fixed":
            return body.apply(FixedDecay(), query, name="decay")
        case "head":
            made = writer.map("decay", x, d_model, ("decay", heads), bias=True)
        case "number":
            rank, width = Hyperparameter("rank", required(settings.rank)), d_k
            low = writer.map("low_rank", x, d_model, ("low_rank", rank), bias=False)
            made = writer.map("decay", low, rank, ("decay", product(heads, d_k)), bias=True)
    split = SplitHeads(heads=heads, widths=(width,))
    (decay,) = body.unpack(split, body.apply(GatedDecay(), made), names=("decay",))
    return decay
