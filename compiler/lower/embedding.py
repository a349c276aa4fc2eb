"""Lowers `embedding:` and `vocabulary:` (Vaswani et al. 2017, sections 3.4 and 3.5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from compiler.ir.build import Body
from compiler.lower.documents import at_positions
from compiler.lower.initialization import width_ratio
from compiler.lower.residual import lower_norm
from compiler.lower.settings import Context, required
from compiler.ops.elementwise import Add, Dropout, Scale, SoftCap
from compiler.ops.embedding import Embed, OutputBias, OutputProjection, SegmentEmbed, Unembed
from compiler.ops.expression import Binary, Const, Expression, Hyperparameter, call
from compiler.ops.linear import Linear
from compiler.ops.norm import Norm
from compiler.ops.op import Op
from compiler.ops.positions import LearnedPositions, Positions, SinusoidalPositions
from compiler.spec.initialization import Initialization, MupInitialization
from compiler.spec.model import Model, Output
from compiler.spec.position import (
    AddedPosition,
    AttentionPosition,
    LearnedPosition,
    NoPosition,
    Position,
    SinusoidalPosition,
)
from compiler.spec.tasks import SIDES


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """The tables of a model, each named as its attribute; tied uses name the same one."""

    tables: dict[str, tuple[str, Embed]]
    positions: dict[str, Positions | None]
    late_positions: frozenset[str]
    """The sides whose positions are added after the norm of embeddings."""
    expansions: dict[str, Linear]
    reduction: Linear | None
    segments: SegmentEmbed | None
    output: tuple[str, Unembed]
    output_bias: OutputBias | None
    scaled: bool
    norms: tuple[tuple[str, Norm], ...]
    dropout: Dropout

    def parts(self) -> tuple[tuple[str, Op], ...]:
        """The attributes that hold them; a table that only projects comes last."""
        found: dict[str, Op] = dict(self.tables.values())
        found.setdefault(*self.output)
        for side, position in self.positions.items():
            if position is not None and position.parameters():
                found[f"{side}_position"] = position
        own = {"segment_embedding": self.segments, "output_reduction": self.reduction}
        found |= {name: op for name, op in own.items() if op is not None}
        bias = (("output_bias", self.output_bias),) if self.output_bias else ()
        return (*found.items(), *self.expansions.items(), *self.norms, *bias)

    def embed(self, body: Body, side: str, context: Context) -> str:
        """tokens -> scaled embeddings plus positions, normalised, with dropout."""
        body = body.at(context.origin("model.embedding"))
        part, lookup = self.tables[side]
        expanding = _expansion_name(part, side, context)
        expansion = self.expansions.get(expanding)
        is_last = not self.scaled and expansion is None
        x = body.apply(lookup, side, part=part, name="x" if is_last else "_")
        if expansion is not None:
            name = "_" if self.scaled else "x"
            x = body.apply(expansion, x, part=expanding, name=name)
        if self.scaled:
            x = body.apply(Scale(by=call("math.sqrt", context.d_model)), x, name="x")
        if side not in self.late_positions:
            x = self._with_positions(body, x, side, context)
        if self.segments is not None:
            kinds = body.apply(self.segments, "segments", part="segment_embedding")
            x = body.apply(Add(), x, kinds, name="x")
        if norm := dict(self.norms).get(_norm_of(side)):
            x = body.apply(norm, x, part=_norm_of(side), name="x")
        if side in self.late_positions:
            x = self._with_positions(body, x, side, context)
        return body.apply(self.dropout, x, name="x")

    def _with_positions(self, body: Body, x: str, side: str, context: Context) -> str:
        """Return embeddings plus the positions that are added to them, if there are any."""
        position = self.positions[side]
        if position is None:
            return x
        holder = f"{side}_position" if position.parameters() else ""
        own = body.at(context.origin(f"model.{context.stack}.position"))
        positions = at_positions(own, position, side, context, part=holder)
        return own.apply(Add(), x, positions, name="x")


def logits(body: Body, model: Model, embeddings: Embeddings, context: Context) -> str:
    """features -> what the softmax is of."""
    settings = model.output
    part, project = embeddings.output
    given_to = ["features"]
    if embeddings.reduction is not None:
        own = body.at(context.origin("model.embedding"))
        given_to = [own.apply(embeddings.reduction, "features", part="output_reduction")]
    if embeddings.output_bias is not None:
        given_to.append(body.apply(embeddings.output_bias, part="output_bias"))
    is_last = settings.scale == 1.0 and settings.soft_cap is None
    result = body.apply(project, *given_to, part=part, name="_" if is_last else "logits")
    if settings.scale != 1.0:
        result = body.apply(
            Scale(by=_scale(settings, model.initialization, context)), result, name="logits"
        )
    if settings.soft_cap is not None:
        result = body.apply(SoftCap(cap=Hyperparameter("soft_cap", settings.soft_cap)), result)
    return result


def _scale(settings: Output, initialization: Initialization, context: Context) -> Expression:
    if isinstance(initialization, MupInitialization):
        return width_ratio(initialization.base_width, context.d_model)
    if settings.scale == "inverse_sqrt_d_model":
        return Binary(context.d_model, "**", Const(-0.5))
    return Hyperparameter("output_scale", settings.scale)


def lower_embeddings(model: Model, contexts: dict[str, Context]) -> Embeddings:
    """The tables that `tied` leaves apart, with their rows."""
    sides = {SIDES[name]: context for name, context in contexts.items()}
    names, (last, context) = table_names(model), list(sides.items())[-1]
    tables = {side: _lookup(model, side, each, context) for side, each in sides.items()}
    output = _project(tables[last], is_tied=names["output"] != "projection")
    return Embeddings(
        tables={side: (names[side], each) for side, each in tables.items()},
        positions={
            SIDES[name]: _position(stack.position, contexts[name]) for name, stack in model.stacks()
        },
        late_positions=frozenset(
            SIDES[name]
            for name, stack in model.stacks()
            if isinstance(stack.position, AddedPosition) and stack.position.is_after_norm
        ),
        expansions=dict(_expansions(names, tables, sides)),
        reduction=None if model.is_pooled else _linear(context.d_model, output.width, context),
        segments=_segments(model, context),
        output=(names["output"], output),
        output_bias=OutputBias(rows=output.rows) if model.output.bias else None,
        scaled=model.embedding.scale == "sqrt_d_model",
        norms=tuple(_norms(model, contexts)) if model.embedding.norm else (),
        dropout=Dropout(rate=Hyperparameter("dropout", model.dropout)),
    )


def _lookup(model: Model, side: str, context: Context, last: Context) -> Embed:
    """Return a table as wide as the stack that reads it, or one of the width that all tables have.

    Tables of one width start as those of the last stack.
    """
    if model.embedding.width is not None:
        width = Hyperparameter("embedding_width", model.embedding.width)
        return Embed(rows=rows_of(model, side), width=width, initial=last.initials.embedding)
    return Embed(
        rows=rows_of(model, side),
        width=context.d_model,
        initial=context.initials.embedding,
    )


def _project(table: Embed, *, is_tied: bool) -> Unembed:
    """Return the projection by this table, or by a matrix of its own that is as large."""
    kind = Unembed if is_tied else OutputProjection
    return kind(rows=table.rows, width=table.width, initial=table.initial)


def rows_of(model: Model, side: str) -> Hyperparameter:
    """Return the size of the vocabulary of a side."""
    vocabulary = model.vocabulary
    if vocabulary.shared:
        return Hyperparameter("vocabulary", required(vocabulary.size))
    return Hyperparameter(f"{side}_vocabulary", required(getattr(vocabulary, side)))


def _expansions(
    names: dict[str, str], tables: dict[str, Embed], sides: dict[str, Context]
) -> Iterator[tuple[str, Linear]]:
    """From the width of each table to that of the stack that reads it, if they differ."""
    for side, context in sides.items():
        if expansion := _linear(tables[side].width, context.d_model, context):
            yield _expansion_name(names[side], side, context), expansion


def _expansion_name(table: str, side: str, context: Context) -> str:
    """One for each table; where widths differ, for each side, which may share a table."""
    return f"{side}_embedding_expansion" if context.has_two_widths else f"{table}_expansion"


def _linear(inputs: Expression, outputs: Expression, context: Context) -> Linear | None:
    if inputs == outputs:
        return None
    initial = context.initials.matrix
    return Linear(inputs=inputs, outputs=(("output", outputs),), bias=False, initial=initial)


def _segments(model: Model, context: Context) -> SegmentEmbed | None:
    if model.embedding.segments is None:
        return None
    return SegmentEmbed(
        rows=Hyperparameter("segment_rows", model.embedding.segments),
        width=context.d_model,
        initial=context.initials.embedding,
    )


def _norms(model: Model, contexts: dict[str, Context]) -> Iterator[tuple[str, Norm]]:
    """Yield the norm of the embeddings of each stack, of the kind that the stack has."""
    for name, stack in model.stacks():
        if norm := lower_norm(stack.norm, contexts[name]):
            yield _norm_of(SIDES[name]), norm


def _norm_of(side: str) -> str:
    return f"{side}_embedding_norm"


_ALL = dict.fromkeys(("source", "target", "output"), "embedding")
_APART = {"source": "source_embedding", "target": "target_embedding"}


def table_names(model: Model) -> dict[str, str]:
    """The attributes that hold the tables of the source, the target and the output."""
    if model.is_pooled:
        return _ALL
    if len(dict(model.stacks())) == 1:
        return _ALL if model.embedding.tied == "all" else _ALL | {"output": "projection"}
    by_tying = {
        "all": _ALL,
        "target": _APART | {"output": "target_embedding"},
        "none": _APART | {"output": "projection"},
    }
    return by_tying[model.embedding.tied]


def _position(settings: Position, context: Context) -> Positions | None:
    match settings:
        case SinusoidalPosition(layout=layout, offset=offset):
            return SinusoidalPositions(
                d_model=context.d_model,
                layout=layout,
                table=context.table,
                offset=Hyperparameter("position_offset", offset) if offset else None,
            )
        case LearnedPosition(max_length=max_length, offset=offset):
            return LearnedPositions(
                d_model=context.d_model,
                max_length=Hyperparameter("max_length", max_length),
                initial=context.initials.embedding,
                offset=Hyperparameter("position_offset", offset) if offset else None,
            )
        case AttentionPosition() | NoPosition():
            return None
        case _:
            assert_never(settings)
