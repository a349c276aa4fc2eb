"""`position:` of the kinds that attention sees: rotary positions, and biases on scores."""

from dataclasses import dataclass
from typing import Any

from compiler.ir.build import Body
from compiler.ir.labels import labelled
from compiler.lower.documents import at_positions
from compiler.lower.settings import Context, required
from compiler.ops.attention_bias import SCORE_BIASES, PositionIds, ScoreBias
from compiler.ops.expression import Hyperparameter
from compiler.ops.masking import Tokens
from compiler.ops.op import Predicate
from compiler.ops.rotary import (
    CosineSine,
    RopeLinearScaling,
    RopeLlama3Scaling,
    RopeYarnScaling,
    RotaryAngles,
    Rotate,
)
from compiler.ops.shape import SOURCE, Free
from compiler.spec.attention import Attention
from compiler.spec.position import (
    AttentionPosition,
    BiasPosition,
    LinearScaling,
    NoPosition,
    RopeScaling,
    RotaryPosition,
    YarnScaling,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotary:
    """The angles by which the queries and keys of some layers are rotated."""

    settings: RotaryPosition
    width: Hyperparameter
    stream: Free
    label: str = ""

    def rotation(self, body: Body, context: Context) -> str:
        """Make the cosines and sines of the angles of all positions."""
        base, scaling = Hyperparameter("rotary_base", self.settings.base), self.settings.scaling
        name = labelled(f"{self.stream.name}_angle", self.label)
        tokens = body.apply(Tokens(stream=self.stream))
        angles = RotaryAngles(width=self.width, base=base)
        angle = at_positions(body, angles, tokens, context, name=name, over_heads=True)
        if scaling is not None:
            angle = body.apply(_scaling(scaling, self.width, base), angle, name=name)
        layout = self.settings.layout
        op = CosineSine(
            width=self.width,
            layout=layout,
            apart=context.apart,
            magnitude=_magnitude(self.settings.scaling),
        )
        return body.apply(op, angle, name=labelled(f"{self.stream.name}_rotation", self.label))

    def rotate(self, body: Body, x: str, rotation: str, name: str) -> str:
        """Rotate the pairs of a query or key by the angles of their positions."""
        is_partial = self.width.name == "rotary_width"
        op = Rotate(width=self.width, layout=self.settings.layout, is_partial=is_partial)
        return body.apply(op, x, rotation, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bias:
    """A bias that is added to the scores of the heads of some layers."""

    settings: BiasPosition
    heads: Hyperparameter
    stream: Free
    label: str = ""

    @property
    def is_of_layers(self) -> bool:
        """Return whether each layer makes the bias for itself, of a table of its own."""
        return getattr(self.settings, "tables", "shared") == "per_layer"

    def table(self, op: ScoreBias) -> str:
        """Return the attribute that holds what is learned, if anything is: of the model, or of the
        attention of each layer.
        """
        if not op.parameters():
            return ""
        if self.is_of_layers:
            return "distance"
        return labelled(f"{self.stream.name}_distance", self.label)

    def op(self, reads: Predicate, context: Context) -> ScoreBias:
        """Return the bias of queries that read by a mask, with the settings as its numbers."""
        settings = dict(self.settings)
        kind = SCORE_BIASES[settings.pop("kind")]
        settings.pop("tables", None)
        numbers: dict[str, Any] = {key: Hyperparameter(key, settings[key]) for key in settings}
        return kind(
            heads=self.heads,
            reads=reads,
            reads_ahead=self.stream == SOURCE,
            table=context.table,
            initial=context.initials.embedding,
            apart=context.apart,
            is_of_layers=self.is_of_layers,
            **numbers,
        )

    def build(self, body: Body, mask: str, name: str, reads: Predicate, context: Context) -> str:
        """Make the bias, masked."""
        op = self.op(reads, context)
        places = body.apply(PositionIds(), body.apply(Tokens(stream=self.stream)), name="place")
        return body.apply(op, places, mask, part=self.table(op), name=name)


Distance = Rotary | Bias


def _scaling(
    settings: RopeScaling, width: Hyperparameter, base: Hyperparameter
) -> RopeLinearScaling:
    factor = Hyperparameter("rope_factor", settings.factor)
    if isinstance(settings, LinearScaling):
        return RopeLinearScaling(factor=factor)
    original_length = Hyperparameter("original_length", settings.original_length)
    shared = {"factor": factor, "width": width, "base": base, "original_length": original_length}
    if isinstance(settings, YarnScaling):
        return RopeYarnScaling(
            **shared,
            beta_fast=Hyperparameter("beta_fast", settings.beta_fast),
            beta_slow=Hyperparameter("beta_slow", settings.beta_slow),
            truncate=settings.truncate,
        )
    return RopeLlama3Scaling(**shared)


def _magnitude(settings: RopeScaling | None) -> Hyperparameter | None:
    if not isinstance(settings, YarnScaling) or settings.magnitude == 1.0:
        return None
    return Hyperparameter("rotary_magnitude", settings.magnitude)


def lower_relative_position(
    settings: AttentionPosition | NoPosition, attention: Attention, stream: Free
) -> Distance | None:
    """Return what the self-attention of some layers knows of positions, if anything."""
    match settings:
        case RotaryPosition(fraction=fraction):
            d_k = required(attention.d_k)
            turned = Hyperparameter("rotary_width", round(fraction * d_k))
            width = turned if turned.value != d_k else Hyperparameter("d_k", d_k)
            if attention.latent is not None:
                width = Hyperparameter("latent_rotary", attention.latent.rotary)
            return Rotary(settings=settings, width=width, stream=stream)
        case BiasPosition():
            heads = Hyperparameter("heads", attention.heads)
            if attention.differential:
                heads = Hyperparameter("maps", 2 * attention.heads)
            return Bias(settings=settings, heads=heads, stream=stream)
        case _:
            return None
