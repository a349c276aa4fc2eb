"""The network: `model:` of a spec (Vaswani et al. 2017, section 3).

These classes hold the settings of each place (the self-attention of the encoder's layers, say)
after the inheritance from `model:` and from its stack, which `inherit.py` carries out on the tree
of nodes: there a number of layers becomes one group of them.
"""

from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.section import (
    Count,
    Heads,
    Layers,
    MaskText,
    Positive,
    Rate,
    Section,
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
    layout: Literal["interleaved", "concatenated"] = setting(
        "sine, cosine, sine ... as in the paper; or all sines first", default="interleaved"
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


class NoPosition(Section):
    """No position at all: the encoder sees a bag of words."""

    kind: Literal["none"]


Position = Annotated[SinusoidalPosition | LearnedPosition | NoPosition, Field(discriminator="kind")]


class Embedding(Section):
    """Token embeddings (section 3.4)."""

    tied: Literal["all", "target", "none"] = setting(
        "tables that are one: source, target and output; target and output; none", default="all"
    )
    scale: Literal["sqrt_d_model", "none"] = setting(
        "factor on the embeddings, not on the output projection", default="sqrt_d_model"
    )
    position: Position = setting(
        "where a token stands", default=SinusoidalPosition(kind="sinusoidal")
    )


class Norm(Section):
    """Layer normalisation and its place around a sub-layer (section 3.1)."""

    kind: Literal["layer_norm"] = "layer_norm"
    place: Literal["post", "pre"] = setting(
        "after the residual sum (the paper), or before the sub-layer", default="post"
    )
    final: bool | None = setting(
        "a norm after the last layer of the stack; by default with `pre` only", default=None
    )
    eps: Positive = setting("added to the variance", default=1e-5, examples=[1e-6])


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
    bias: bool = setting("biases in the four projections", default=False)
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


class FeedForward(Section):
    """The position-wise feed-forward network (section 3.3)."""

    d_ff: Width = setting("width of the hidden layer", unit="numbers", examples=[2048])
    activation: Literal["relu", "gelu"] = setting("the non-linearity", default="relu")
    dropout: Rate = setting(
        "probability of dropping an activation", default=0.0, unit="probability", examples=[0.1]
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
    divided by the root of the additions in their stack, two in each layer of the encoder and three
    in each of the decoder.
    """

    kind: Literal["scaled"]
    deviation: Positive = setting("standard deviation", default=0.02, examples=[0.02])


Initialization = Annotated[
    XavierInitialization | FairseqInitialization | NormalInitialization | ScaledInitialization,
    Field(discriminator="kind"),
]


class LayerGroup(Section):
    """Layers of one kind, one after the other."""

    repeat: Layers = setting("how many", default=1, unit="layers", examples=[6])
    dropout: Rate = setting(
        "on the output of each sub-layer (section 5.4)",
        default=0.0,
        unit="probability",
        examples=[0.1],
    )


class EncoderLayers(LayerGroup):
    """Layers of the encoder: self-attention and feed-forward."""

    self_attention: Attention
    feed_forward: FeedForward


class DecoderLayers(LayerGroup):
    """Layers of the decoder: self-attention, cross-attention and feed-forward."""

    self_attention: Attention
    cross_attention: Attention
    feed_forward: FeedForward


class EncoderStack(Section):
    """The encoder: a number of layers, or a list of kinds with `repeat` and what they change."""

    norm: Norm = Norm()
    layers: Annotated[list[EncoderLayers], Field(min_length=1)] = setting(
        "layers one after the other, or a list of kinds of them", examples=[6]
    )


class DecoderStack(Section):
    """The decoder: a number of layers, or a list of kinds with `repeat` and what they change."""

    norm: Norm = Norm()
    layers: Annotated[list[DecoderLayers], Field(min_length=1)] = setting(
        "layers one after the other, or a list of kinds of them", examples=[6]
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
    initialization: Initialization = setting(
        "how weights begin", default=XavierInitialization(kind="xavier")
    )
    encoder: EncoderStack
    decoder: DecoderStack
