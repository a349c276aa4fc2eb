"""`model:` to the root of the IR (section 3)."""

from collections.abc import Callable
from dataclasses import replace

from compiler.ir.block import Block, Function, Input
from compiler.ir.build import Body
from compiler.lower.embedding import Embeddings, lower_embeddings
from compiler.lower.initialization import lower_initialization, within
from compiler.lower.masking import SOURCE, TARGET, Maskings, build_all, lower_masks
from compiler.lower.settings import Context
from compiler.lower.stack import lower_decoder, lower_encoder
from compiler.ops.expression import Number
from compiler.ops.shape import BATCH, Free
from compiler.source.span import Span
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
    embeddings, masks = lower_embeddings(model, context), lower_masks(model)
    encoder, decoder = (
        replace(context, initials=within(stack, initials, model.initialization))
        for stack in (model.encoder, model.decoder)
    )
    return Block(
        names=("Transformer",),
        summary=f"Encoder and decoder; {_TIED[model.embedding.tied]} (sections 3.1 and 3.4).",
        parts=(
            *embeddings.parts(),
            ("encoder", lower_encoder(model.encoder, masks, encoder)),
            ("decoder", lower_decoder(model.decoder, masks, decoder)),
        ),
        functions=(
            _forward(context),
            _encode(masks, context, embeddings),
            _features(masks, context, embeddings),
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


def _encode(masks: Maskings, context: Context, embeddings: Embeddings) -> Function:
    body = Body(context.origin("model.encoder"))
    x = embeddings.embed(body, "source", context)
    memory = body.invoke("encoder", x, *build_all(masks.encoder, body))
    return body.function("encode", _TOKENS[:1], memory)


def _features(masks: Maskings, context: Context, embeddings: Embeddings) -> Function:
    body = Body(context.origin("model.decoder"))
    memory = body.invoke("", "source", function="encode", name="memory")
    given = [*build_all(masks.decoder, body), *build_all(masks.cross, body)]
    x = embeddings.embed(body, "target", context)
    features = body.invoke("decoder", x, memory, *given)
    return body.function("features", _TOKENS, features)


def _project(context: Context, embeddings: Embeddings) -> Function:
    part, project = embeddings.output
    body = Body(context.origin("model.embedding"))
    logits = body.apply(project, "features", part=part)
    features = Input(name="features", shape=(Free("..."), context.d_model))
    return body.function("project", (features,), logits)
