"""The network: `model:` of a spec (Vaswani et al. 2017, section 3).

These classes hold the settings of each place (the self-attention of the encoder's layers, say)
after the inheritance from `model:` and from its stack, which `inherit.py` carries out on the tree
of nodes: there a number of layers becomes one group of them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from compiler.activations import ActivationName
from compiler.source.limits import BLOCK_LENGTH, LAYER_KINDS
from compiler.spec.attention import Attention
from compiler.spec.base import (
    Count,
    Layers,
    Positive,
    Rate,
    Section,
    Unused,
    Width,
    setting,
)
from compiler.spec.feed_forward import FeedForward
from compiler.spec.initialization import (
    Initialization,
    XavierInitialization,
)
from compiler.spec.mixer import Mixers
from compiler.spec.position import (
    LayerPosition,
    LearnedPosition,
    NoPosition,
    Position,
    SinusoidalPosition,
)
from compiler.spec.tasks import EVERY_STACK, SUB_LAYERS


class Vocabulary(Section):
    """Rows of the embedding tables, the special symbols (padding, unknown, begin, end) included."""

    shared: bool = setting("one vocabulary for source and target", default=True)
    size: Count | None = setting(
        "rows of the shared vocabulary", default=None, unit="rows", examples=[37000]
    )
    source: Count | None = setting(
        "rows of the source vocabulary, if not shared", default=None, unit="rows", examples=[32000]
    )
    target: Count | None = setting(
        "rows of the target vocabulary, if not shared", default=None, unit="rows", examples=[32000]
    )


class Embedding(Section):
    """Token embeddings (section 3.4)."""

    tied: Literal["all", "target", "none"] = setting(
        "tables that are one: source, target and output; target and output; none", default="all"
    )
    scale: Literal["sqrt_d_model", "none"] = setting(
        "factor on the embeddings, not on the output projection", default="sqrt_d_model"
    )
    width: Width | None = setting(
        "width of the tables, from which a linear map leads to d_model, and one back (Lan et al. "
        "2020); by default that of the stack that reads them",
        default=None,
        unit="numbers",
        examples=[128],
    )
    segments: Count | None = setting(
        "kinds of segments, whose vectors are added to those of tokens (BERT has 2)",
        default=None,
        unit="segments",
        examples=[2],
    )
    norm: bool = setting(
        "a norm of each stack's kind on the sums of embeddings and positions (BERT, BART), or on "
        "embeddings alone where positions come `after_norm`",
        default=False,
    )


class Norm(Section):
    """Normalisation and its place around a sub-layer (section 3.1)."""

    KEYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "layer_norm": ("kind", "place", "joint", "first", "final", "eps", "bias"),
        "rms_norm": ("kind", "place", "joint", "first", "final", "eps", "offset"),
        "none": ("kind",),
    }
    """The settings that each kind has."""

    kind: Literal["layer_norm", "rms_norm", "none"] = setting(
        "Ba et al. 2016; without the mean (Zhang and Sennrich 2019); or no norm at all",
        default="layer_norm",
    )
    place: Literal["post", "pre", "output", "sandwich", "deep"] | None = setting(
        "by default `post`, after the residual sum (the paper); before the sub-layer; after the "
        "sub-layer, before the sum (OLMo 2); before and after the sub-layer (Gemma 2); or after a "
        "weighted sum, with smaller weights at the start (DeepNorm, Wang et al. 2022)",
        default=None,
    )
    joint: bool | None = setting(
        "sub-layers side by side read one normalised copy, not one each", default=None
    )
    first: bool | None = setting(
        "whether the first sub-layer of the stack reads a normalised copy, too; by default it does "
        "with `pre` and `sandwich` (ModernBERT, whose embeddings are normalised already, has none)",
        default=None,
        since="0.3",
    )
    final: bool | None = setting(
        "a norm after the last layer of the stack; by default with `pre`, `output` and `sandwich`",
        default=None,
    )
    eps: Positive | None = setting(
        "added to the variance, or to the mean square; by default 1e-5",
        default=None,
        examples=[1e-6],
    )
    bias: bool | None = setting(
        "whether `layer_norm` adds a learned vector; by default it does", default=None
    )
    offset: bool | None = setting(
        "`rms_norm` multiplies by 1 + weight, and weights start at zero (Gemma); by default by the "
        "weight",
        default=None,
    )


class Residual(Section):
    """Several residual streams that learned connections join (Zhu et al. 2024).

    A sub-layer reads a weighted sum of the streams, and a share of its output is added to each.
    """

    streams: Annotated[int, Field(ge=2, le=64)] = setting(
        "streams, copies of one at first, whose sum is the output of the stack (the expansion rate "
        "n)",
        unit="streams",
        examples=[4],
    )
    dynamic: bool = setting(
        "weights of connections depend on the streams, by a tanh of a linear map (section 2.2)",
        default=True,
    )


class Output(Section):
    """From the output projection to logits: soft_cap(scale * (projection + bias))."""

    bias: bool = setting("a learned number for each token (Marian, BART)", default=False)
    scale: Positive | Literal["inverse_sqrt_d_model"] = setting(
        "factor on the logits; T5 has d_model^-0.5 where tables are tied",
        default=1.0,
        unit="factor",
        examples=["inverse_sqrt_d_model"],
    )
    soft_cap: Positive | None = setting(
        "logits x become c * tanh(x / c) for this c, which none exceeds (Gemma 2)",
        default=None,
        unit="logits",
        examples=[30.0],
    )


if TYPE_CHECKING:
    SubLayer = str
else:
    SubLayer = Literal[SUB_LAYERS]
SideBySide = Annotated[list[SubLayer], Field(min_length=2, max_length=BLOCK_LENGTH)]
SubLayers = Annotated[list[SubLayer | SideBySide], Field(min_length=1, max_length=BLOCK_LENGTH)]


class LayerSettings(Section):
    """The settings of layers of one kind, and of their attentions."""

    repeat: Layers = setting("how many", default=1, unit="layers", examples=[6])
    distinct: Layers | None = setting(
        "layers with weights of their own, which take turns until there are `repeat` (ALBERT has "
        "one); by default all",
        default=None,
        unit="layers",
        examples=[1],
    )
    block: SubLayers = setting(
        "sub-layers in their order, those of a list in it side by side; by default as in the paper",
        examples=[["self_attention", "feed_forward"], [["self_attention", "feed_forward"]]],
    )
    dropout: Rate = setting(
        "on the output of each sub-layer (section 5.4)",
        default=0.0,
        unit="probability",
        examples=[0.1],
    )
    stochastic_depth: Rate = setting(
        "probability of leaving a sub-layer out, for a whole sentence (Huang et al. 2016)",
        default=0.0,
        unit="probability",
        examples=[0.1],
    )
    layer_scale: Positive | None = setting(
        "the first value of factors that are learned for each number of a sub-layer's output "
        "(LayerScale, Touvron et al. 2021); by default there are none",
        default=None,
        since="0.3",
        unit="factor",
        examples=[1e-4],
    )
    position: LayerPosition = setting(
        "what self-attention knows of distances", default=NoPosition(kind="none")
    )
    self_attention: Attention | None = None
    cross_attention: Attention | None = None


class LayerGroup(Mixers, LayerSettings):
    """Layers of one kind, one after the other. A layer has the sub-layers of its block."""

    feed_forward: FeedForward | None = None

    @property
    def sub_layers(self) -> Iterator[str]:
        """The sub-layers that its block names, those side by side, too."""
        for each in self.block:
            yield from [each] if isinstance(each, str) else each


class Stack(Section):
    """A number of layers, or a list of kinds with `repeat` and what they change."""

    d_model: Width | None = setting(
        "width of its residual stream; by default that of the model",
        default=None,
        unit="numbers",
        examples=[256],
    )
    position: Position = setting(
        "where a token stands", default=SinusoidalPosition(kind="sinusoidal")
    )
    norm: Norm = Norm()
    residual: Residual | None = setting(
        "several residual streams, hyper-connections; by default there is one",
        default=None,
        since="0.3",
    )
    layers: Annotated[list[LayerGroup], Field(min_length=1, max_length=LAYER_KINDS)] = setting(
        "layers one after the other, or a list of kinds of them", examples=[6]
    )

    @property
    def is_balanced(self) -> bool:
        """True if some layer has experts whose use is to be even."""
        networks = [group.feed_forward for group in self.layers]
        return any(each and each.experts and each.experts.records_load for each in networks)


class Prediction(Section):
    """The layer before the output projection of a masked language model (Devlin et al. 2019)."""

    unused_if: ClassVar[tuple[Unused, ...]] = (
        Unused("kind", "none", ("activation", "bias"), "there is no layer"),
    )

    kind: Literal["transform", "none"] = setting(
        "a linear map, a non-linearity and the norm of the encoder (BERT); or nothing, so that "
        "the output of the encoder is projected (XLM, EuroBERT)",
        default="transform",
        since="0.3",
    )
    activation: ActivationName = setting("after the linear map", default="gelu")
    bias: bool = setting("a bias in the linear map", default=True, since="0.3")


Classes = Annotated[int, Field(ge=2, le=2**31 - 1)]


class Classifier(Section):
    """The layers of a classifier behind the encoder (Devlin et al. 2019)."""

    classes: Classes = setting("labels to choose from", unit="labels", examples=[3])
    pooling: Literal["first", "mean"] = setting(
        "what stands for the text: its first position, or the mean of all", default="first"
    )
    dropout: Rate = setting(
        "on what is projected to classes", default=0.0, unit="probability", examples=[0.1]
    )


class Pooling(Section):
    """From the output of the encoder to one vector for a text (Reimers and Gurevych 2019).

    It is pooled, mapped to another width and divided by its length, in this order.
    """

    kind: Literal["mean", "first", "last"] = setting(
        "what stands for the text: the mean of its positions, the first one, or the last one, "
        "symbols included",
        default="mean",
    )
    width: Width | None = setting(
        "a linear map, and with it vectors of this width; by default they have that of the encoder",
        default=None,
        unit="numbers",
        examples=[256],
    )
    normalize: bool = setting("vectors have the length 1", default=True)


class Model(Section):
    """The network."""

    d_model: Width = setting("width of the residual streams", unit="numbers", examples=[512])
    vocabulary: Vocabulary = Vocabulary()
    embedding: Embedding = Embedding()
    dropout: Rate = setting(
        "on the sums of embeddings and positions (section 5.4)",
        default=0.0,
        unit="probability",
        examples=[0.1],
    )
    kernel: Literal["auto", "flex"] = setting(
        "of self-attention: what suits each mask best, or FlexAttention, which on a GPU leaves out "
        "blocks of positions that nobody reads",
        default="auto",
    )
    documents: Literal["joined", "apart"] = setting(
        "documents that share a text, each from a begin symbol on: `joined`, a token reads those "
        "before it, too; `apart`, it reads its own alone, and positions count from where it begins",
        default="joined",
        since="0.3",
    )
    output: Output = Output()
    initialization: Initialization = setting(
        "how weights begin", default=XavierInitialization(kind="xavier")
    )
    encoder: Stack | None = setting("what reads the source", default=None)
    decoder: Stack | None = setting("what writes the target", default=None)
    prediction: Prediction | None = setting("of a masked language model", default=None)
    classifier: Classifier | None = setting("of a classification model", default=None)
    pooling: Pooling | None = setting("of an embedding model", default=None, since="0.3")

    def stacks(self) -> Iterator[tuple[str, Stack]]:
        """Yield the stacks that the model has, by name."""
        for name in EVERY_STACK:
            if (stack := getattr(self, name)) is not None:
                yield name, stack

    def width(self, stack: str) -> int:
        """Return the width of the residual stream of a stack."""
        return getattr(self, stack).d_model or self.d_model

    @property
    def is_pooled(self) -> bool:
        """True if a text has one vector, and the output is not one of tokens."""
        return self.classifier is not None or self.pooling is not None

    @property
    def has_two_widths(self) -> bool:
        """True if the encoder's residual stream is not as wide as the decoder's."""
        return len({self.width(name) for name, _ in self.stacks()}) > 1

    @property
    def positions(self) -> int | None:
        """The number of positions that have a learned vector, if there is a table of them."""
        tables = [stack.position for _, stack in self.stacks()]
        return min(
            (each.max_length for each in tables if isinstance(each, LearnedPosition)), default=None
        )
