"""`embedding:` and `vocabulary:` to tables and positions (sections 3.4 and 3.5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from compiler.ir.build import Body
from compiler.lower.residual import lower_norm
from compiler.lower.settings import Context, given
from compiler.ops.elementwise import Add, Dropout, Scale, SoftCap
from compiler.ops.embedding import Lookup, OutputBias, Project
from compiler.ops.expression import Binary, Expression, Literal, Number, call
from compiler.ops.norm import Norm
from compiler.ops.op import Op
from compiler.ops.positions import LearnedPositions, Positions, SinusoidalPositions
from compiler.spec.model import LearnedPosition, Model, NoPosition, Output, SinusoidalPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """The tables of a model, each named as its attribute; tied uses name the same one."""

    source: tuple[str, Lookup]
    target: tuple[str, Lookup]
    output: tuple[str, Project]
    output_bias: OutputBias | None
    position: Positions | None
    scaled: bool
    norms: tuple[tuple[str, Norm], ...]
    dropout: Dropout

    def parts(self) -> tuple[tuple[str, Op], ...]:
        """The attributes that hold them."""
        tables: dict[str, Op] = dict((self.source, self.target))
        tables.setdefault(*self.output)
        if self.position is not None and self.position.parameters():
            tables |= {"source_position": self.position, "target_position": self.position}
        bias = (("output_bias", self.output_bias),) if self.output_bias else ()
        return (*tables.items(), *self.norms, *bias)

    def embed(self, body: Body, side: str, context: Context) -> str:
        """tokens -> scaled embeddings plus positions, normalised, with dropout."""
        part, lookup = self.source if side == "source" else self.target
        x = body.apply(lookup, side, part=part, name="_" if self.scaled else "x")
        if self.scaled:
            x = body.apply(Scale(by=call("math.sqrt", context.d_model)), x, name="x")
        if self.position is not None:
            holder = f"{side}_position" if self.position.parameters() else ""
            positions = body.apply(self.position, side, part=holder)
            x = body.apply(Add(), x, positions, name="x")
        if norm := dict(self.norms).get(_norm_of(side)):
            x = body.apply(norm, x, part=_norm_of(side), name="x")
        return body.apply(self.dropout, x, name="x")


def logits(body: Body, settings: Output, embeddings: Embeddings, context: Context) -> str:
    """features -> what the softmax is of."""
    part, project = embeddings.output
    given_to = ["features"]
    if embeddings.output_bias is not None:
        given_to.append(body.apply(embeddings.output_bias, part="output_bias"))
    is_last = settings.scale == 1.0 and settings.soft_cap is None
    result = body.apply(project, *given_to, part=part, name="_" if is_last else "logits")
    if settings.scale != 1.0:
        result = body.apply(Scale(by=_scale(settings, context)), result, name="logits")
    if settings.soft_cap is not None:
        result = body.apply(SoftCap(cap=Number("soft_cap", settings.soft_cap)), result)
    return result


def _scale(settings: Output, context: Context) -> Expression:
    if settings.scale == "inverse_sqrt_d_model":
        return Binary(context.d_model, "**", Literal(-0.5))
    return Number("output_scale", settings.scale)


def lower_embeddings(model: Model, context: Context) -> Embeddings:
    """The tables that `tied` leaves apart, with their rows."""
    initial = context.initials.embedding

    def rows(side: str) -> Number:
        vocabulary = model.vocabulary
        if vocabulary.shared:
            return Number("vocabulary", given(vocabulary.size))
        return Number(f"{side}_vocabulary", given(getattr(vocabulary, side)))

    def lookup(side: str) -> Lookup:
        return Lookup(rows=rows(side), d_model=context.d_model, initial=initial)

    names = _TABLES[model.embedding.tied]
    return Embeddings(
        source=(names[0], lookup("source")),
        target=(names[1], lookup("target")),
        output=(
            names[2],
            Project(rows=rows("target"), d_model=context.d_model, initial=initial),
        ),
        output_bias=OutputBias(rows=rows("target")) if model.output.bias else None,
        position=_position(model, context),
        scaled=model.embedding.scale == "sqrt_d_model",
        norms=tuple(_norms(model, context)) if model.embedding.norm else (),
        dropout=Dropout(rate=Number("dropout", model.dropout)),
    )


def _norms(model: Model, context: Context) -> Iterator[tuple[str, Norm]]:
    """Of each stack's kind."""
    for side, stack in (("source", model.encoder), ("target", model.decoder)):
        if norm := lower_norm(stack.norm, context):
            yield _norm_of(side), norm


def _norm_of(side: str) -> str:
    return f"{side}_embedding_norm"


_TABLES = {
    "all": ("embedding", "embedding", "embedding"),
    "target": ("source_embedding", "target_embedding", "target_embedding"),
    "none": ("source_embedding", "target_embedding", "projection"),
}


def _position(model: Model, context: Context) -> Positions | None:
    settings = model.embedding.position
    match settings:
        case SinusoidalPosition(layout=layout):
            return SinusoidalPositions(d_model=context.d_model, layout=layout)
        case LearnedPosition(max_length=max_length):
            return LearnedPositions(
                d_model=context.d_model,
                max_length=Number("max_length", max_length),
                initial=context.initials.embedding,
            )
        case NoPosition():
            return None
        case _:
            assert_never(settings)
