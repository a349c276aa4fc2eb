"""The network: `model:` of a spec (Vaswani et al. 2017, section 3).

These classes hold the settings of each place (the self-attention of the encoder's layers, say)
after the inheritance from `model:` and from its stack, which `inherit.py` carries out on the tree
of nodes: there a number of layers becomes one group of them.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.anatomy import EVERY_STACK
from compiler.spec.mixer import Convolution, Recurrence
from compiler.spec.section import (
    Count,
    Heads,
    Layers,
    MaskText,
    NotNegative,
    Positive,
    Rate,
    Section,
    Share,
    Whole,
    Width,
    setting,
)


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


class SinusoidalPosition(Section):
    """Sines and cosines of the position (section 3.5)."""

    kind: Literal["sinusoidal"]
    layout: Literal["interleaved", "concatenated", "tensor2tensor"] = setting(
        "sine, cosine, sine ... as in the paper; all sines first; or these with wavelengths up to "
        "10000 * 2 pi itself, as tensor2tensor, fairseq and M2M-100 have them",
        default="interleaved",
    )
    offset: Whole = setting(
        "positions before that of the first token (fairseq has 2)",
        default=0,
        unit="positions",
        examples=[2],
    )


class LearnedPosition(Section):
    """A learned vector for each position (Gehring et al. 2017; Table 3, row E)."""

    kind: Literal["learned"]
    max_length: Count = setting(
        "positions in the table; longer input is refused",
        default=1024,
        unit="positions",
        examples=[1024],
    )
    offset: Whole = setting(
        "rows of the table before that of the first position", default=0, unit="rows", examples=[2]
    )


class RotaryPosition(Section):
    """Queries and keys turned by angles that grow with the position (Su et al. 2021)."""

    kind: Literal["rotary"]
    base: Positive = setting(
        "longest wavelength, in units of 2 pi positions", default=10000.0, examples=[500000.0]
    )
    share: Share = setting(
        "share of a head's width that is turned", default=1.0, unit="share", examples=[0.25]
    )
    layout: Literal["half", "interleaved"] = setting(
        "a number is turned together with that half a width away, or with its neighbour",
        default="half",
    )


class AlibiPosition(Section):
    """Scores fall with the distance, in each head by another slope (Press et al. 2022)."""

    kind: Literal["alibi"]


class RelativePosition(Section):
    """A learned bias on scores for each bucket of distances and head (Raffel et al. 2020)."""

    kind: Literal["relative"]
    buckets: Count = setting(
        "buckets, half of them for single distances", default=32, unit="buckets", examples=[32]
    )
    max_distance: Count = setting(
        "distance from which on all share one bucket",
        default=128,
        unit="positions",
        examples=[128],
    )


class NoPosition(Section):
    """No position at all: without a mask that tells, attention sees a bag of words."""

    kind: Literal["none"]


Near = RotaryPosition | AlibiPosition | RelativePosition | NoPosition
NearPosition = Annotated[Near, Field(discriminator="kind")]
Position = Annotated[SinusoidalPosition | LearnedPosition | Near, Field(discriminator="kind")]


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
        "2020); by default d_model",
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
        "a norm of each stack's kind on the sums of embeddings and positions (BERT, BART)",
        default=False,
    )


class Norm(Section):
    """Normalisation and its place around a sub-layer (section 3.1)."""

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
    joint: bool = setting(
        "sub-layers side by side read one normalised copy, not one each", default=False
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


class QueryKeyNorm(Section):
    """Queries and keys normalised before their products (Dehghani et al. 2023)."""

    kind: Literal["layer_norm", "rms_norm"] = setting("how", default="rms_norm")
    over: Literal["head", "all_heads"] = setting(
        "each head by itself, or all together (OLMo 2)", default="head"
    )
    eps: Positive = setting("added to the variance", default=1e-6, examples=[1e-5])


class Attention(Section):
    """Multi-head attention (section 3.2)."""

    heads: Heads = setting("attention heads", unit="heads", examples=[8])
    d_k: Width | None = setting(
        "width of a query or key; by default d_model / heads",
        default=None,
        unit="numbers",
        examples=[64],
    )
    d_v: Width | None = setting(
        "width of a value; by default d_model / heads", default=None, unit="numbers", examples=[64]
    )
    kv_heads: Heads | None = setting(
        "heads of keys and values, each for several of the queries (Ainslie et al. 2023); by "
        "default as many",
        default=None,
        unit="heads",
        examples=[2],
    )
    bias: bool = setting("biases in the projections of query, key and value", default=False)
    output_bias: bool | None = setting(
        "a bias in the projection of the output; by default as the others", default=None
    )
    scale: Positive | None = setting(
        "factor on scores; by default d_k^-0.5 (section 3.2.1)", default=None, examples=[1.0]
    )
    soft_cap: Positive | None = setting(
        "bound on scores, by a tanh (Gemma Team 2024)", default=None, examples=[50.0]
    )
    query_key_norm: QueryKeyNorm | None = setting(
        "a norm on queries and keys before their products", default=None
    )
    dropout: Rate = setting(
        "probability of dropping an attention weight",
        default=0.0,
        unit="probability",
        examples=[0.1],
    )
    mask: MaskText = setting(
        "which positions a query may read, in the algebra of docs/masks.md; the decoder's own "
        "default is causal",
        default="all",
        examples=["causal & window(128)", "causal & (window(128) | first(4))", "block(64)"],
    )


class Experts(Section):
    """A mixture of experts (Shazeer et al. 2017): each token chooses some, and none is dropped."""

    count: Annotated[int, Field(ge=2, le=2**12)] = setting(
        "feed-forward networks side by side", unit="networks", examples=[8]
    )
    active: Annotated[int, Field(ge=1, le=2**12)] = setting(
        "how many of them read a token, weighted by a softmax of their scores (Mixtral); a single "
        "one by its probability among all (Fedus et al. 2021)",
        default=2,
        unit="networks",
        examples=[2],
    )
    balance_loss: NotNegative = setting(
        "factor of the loss that keeps all in use, summed over layers (Fedus et al. 2021, equation "
        "4); measured within each micro-batch of each process",
        default=0.01,
        unit="factor",
        examples=[0.01],
    )


class FeedForward(Section):
    """The position-wise feed-forward network (section 3.3)."""

    d_ff: Width = setting("width of the hidden layer", unit="numbers", examples=[2048])
    activation: Literal["relu", "gelu", "gelu_tanh", "silu", "sigmoid", "relu_squared"] = setting(
        "the non-linearity", default="relu"
    )
    gated: bool = setting(
        "two maps to the hidden layer, one of them through the non-linearity, multiplied (Shazeer "
        "2020: GEGLU with `gelu`, SwiGLU with `silu`)",
        default=False,
    )
    bias: bool = setting("biases in the linear maps", default=True)
    dropout: Rate = setting(
        "probability of dropping an activation", default=0.0, unit="probability", examples=[0.1]
    )
    scale: Positive = setting(
        "factor on the output (0.5 in Macaron nets, Lu et al. 2019)",
        default=1.0,
        unit="factor",
        examples=[0.5],
    )
    experts: Experts | None = setting(
        "several such networks, of which each token chooses some", default=None
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


class XavierInitialization(Section):
    """Matrices Xavier-uniform (Glorot and Bengio 2010); embeddings deviate by d_model^-0.5."""

    kind: Literal["xavier"]
    gain: Positive = setting(
        "factor on the bounds of the matrices", default=1.0, unit="factor", examples=[0.7]
    )


class FairseqInitialization(Section):
    """Xavier-uniform, gain 1/sqrt(2) for query, key, value; embeddings deviate by d_model^-0.5."""

    kind: Literal["fairseq"]


class NormalInitialization(Section):
    """Matrices and embeddings normal with one deviation."""

    kind: Literal["normal"]
    deviation: Positive = setting("standard deviation", default=0.02, examples=[0.02])


class ScaledInitialization(Section):
    """Normal with one deviation, smaller for what is added to the residual stream (GPT-2; Radford
    et al. 2019, section 2.3): the matrices `output` of attention and feed-forward networks have it
    divided by the root of the number of additions in their stack, one for each sub-layer.
    """

    kind: Literal["scaled"]
    deviation: Positive = setting("standard deviation", default=0.02, examples=[0.02])


Initialization = Annotated[
    XavierInitialization | FairseqInitialization | NormalInitialization | ScaledInitialization,
    Field(discriminator="kind"),
]


SubLayer = Literal["self_attention", "cross_attention", "recurrence", "convolution", "feed_forward"]


SideBySide = Annotated[list[SubLayer], Field(min_length=2)]


class LayerGroup(Section):
    """Layers of one kind, one after the other. A layer has the sub-layers of its block."""

    repeat: Layers = setting("how many", default=1, unit="layers", examples=[6])
    distinct: Layers | None = setting(
        "layers with weights of their own, which take turns until there are `repeat` (ALBERT has "
        "one); by default all",
        default=None,
        unit="layers",
        examples=[1],
    )
    block: Annotated[list[SubLayer | SideBySide], Field(min_length=1)] = setting(
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
    position: NearPosition = setting(
        "what self-attention knows of distances", default=NoPosition(kind="none")
    )
    self_attention: Attention | None = None
    cross_attention: Attention | None = None
    recurrence: Recurrence | None = None
    convolution: Convolution | None = None
    feed_forward: FeedForward | None = None

    @property
    def sub_layers(self) -> Iterator[str]:
        """The names in its block, those side by side, too."""
        for each in self.block:
            yield from [each] if isinstance(each, str) else each


class Stack(Section):
    """A number of layers, or a list of kinds with `repeat` and what they change."""

    position: Position = setting(
        "where a token stands", default=SinusoidalPosition(kind="sinusoidal")
    )
    norm: Norm = Norm()
    layers: Annotated[list[LayerGroup], Field(min_length=1)] = setting(
        "layers one after the other, or a list of kinds of them", examples=[6]
    )

    @property
    def is_balanced(self) -> bool:
        """Whether some layer has experts whose use is to be even."""
        networks = [group.feed_forward for group in self.layers]
        return any(each and each.experts and each.experts.balance_loss for each in networks)


class Prediction(Section):
    """What a masked language model does before it projects to tokens (Devlin et al. 2019)."""

    activation: Literal["relu", "gelu"] = setting("after the linear map", default="gelu")


class Classifier(Section):
    """What a classifier makes of the encoder's output (Devlin et al. 2019)."""

    classes: Count = setting("labels to choose from", unit="labels", examples=[3])
    pooling: Literal["first", "mean"] = setting(
        "what stands for the text: its first position, or the mean of all", default="first"
    )
    dropout: Rate = setting(
        "on what is projected to classes", default=0.0, unit="probability", examples=[0.1]
    )


class Model(Section):
    """The network."""

    d_model: Width = setting("width of the residual stream", unit="numbers", examples=[512])
    vocabulary: Vocabulary
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
    output: Output = Output()
    initialization: Initialization = setting(
        "how weights begin", default=XavierInitialization(kind="xavier")
    )
    encoder: Stack | None = setting("what reads the source", default=None)
    decoder: Stack | None = setting("what writes the target", default=None)
    prediction: Prediction | None = setting("of a masked language model", default=None)
    classifier: Classifier | None = setting("of a classification model", default=None)

    def stacks(self) -> Iterator[tuple[str, Stack]]:
        """Those that it has, by name."""
        for name in EVERY_STACK:
            if (stack := getattr(self, name)) is not None:
                yield name, stack

    @property
    def positions(self) -> int | None:
        """How many positions of a text have a learned vector, if there is a table of them."""
        tables = [stack.position for _, stack in self.stacks()]
        return min(
            (each.max_length for each in tables if isinstance(each, LearnedPosition)), default=None
        )
