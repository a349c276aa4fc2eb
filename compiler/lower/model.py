"""`model:` to the root of the IR (section 3)."""

from collections.abc import Callable

from compiler.ir.block import Block, Function, Input
from compiler.ir.build import Body
from compiler.lower.attention import SOURCE, TARGET, needs_mask
from compiler.lower.embedding import Embeddings, lower_embeddings
from compiler.lower.initialization import lower_initialization
from compiler.lower.settings import Context
from compiler.lower.stack import lower_decoder, lower_encoder
from compiler.ops.expression import Number
from compiler.ops.padding import RealTokens
from compiler.ops.shape import BATCH, Free
from compiler.source.span import Span
from compiler.spec.model import Model
from compiler.spec.spec import Spec

_TIED = {
    "all": "one table embeds source and target and projects to tokens",
    "target": "one table embeds the target and projects to tokens",
    "none": "source, target and output have tables of their own",
}


def lower(spec: Spec, origin: Callable[[str], Span]) -> Block:
    """The network of a complete spec; `origin` tells where the setting at a path was written."""
    model = spec.model
    d_model = Number("d_model", model.d_model)
    initials = lower_initialization(model.initialization, d_model)
    context = Context(d_model=d_model, initials=initials, origin=origin)
    embeddings = lower_embeddings(model, context)
    return Block(
        names=("Transformer",),
        summary=f"Encoder and decoder; {_TIED[model.embedding.tied]} (sections 3.1 and 3.4).",
        parts=(
            *embeddings.parts(),
            ("encoder", lower_encoder(model.encoder, context)),
            ("decoder", lower_decoder(model.decoder, context)),
        ),
        functions=(
            _forward(context),
            _encode(model, context, embeddings),
            _features(model, context, embeddings),
            _project(context, embeddings),
        ),
        closed=True,
        origin=origin("model"),
    )


_TOKENS = (
    Input(name="source", shape=(BATCH, SOURCE)),
    Input(name="target", shape=(BATCH, TARGET)),
)


def _forward(context: Context) -> Function:
    body = Body(context.origin("model"))
    features = body.invoke("", "source", "target", function="features")
    logits = body.invoke("", features, function="project")
    return body.function("forward", _TOKENS, logits)


def _encode(model: Model, context: Context, embeddings: Embeddings) -> Function:
    body = Body(context.origin("model.encoder"))
    x = embeddings.embed(body, "source", context)
    masked = needs_mask(model.encoder.self_attention)
    masks = [body.apply(RealTokens(), "source")] if masked else []
    memory = body.invoke("encoder", x, *masks)
    return body.function("encode", _TOKENS[:1], memory)


def _features(model: Model, context: Context, embeddings: Embeddings) -> Function:
    body = Body(context.origin("model.decoder"))
    memory = body.invoke("", "source", function="encode", name="memory")
    masked = needs_mask(model.decoder.self_attention)
    target_mask = [body.apply(RealTokens(), "target", name="target_mask")] if masked else []
    source_mask = body.apply(RealTokens(), "source", name="source_mask")
    x = embeddings.embed(body, "target", context)
    features = body.invoke("decoder", x, memory, *target_mask, source_mask)
    return body.function("features", _TOKENS, features)


def _project(context: Context, embeddings: Embeddings) -> Function:
    part, project = embeddings.output
    body = Body(context.origin("model.embedding"))
    logits = body.apply(project, "features", part=part)
    features = Input(name="features", shape=(Free("..."), context.d_model))
    return body.function("project", (features,), logits)
