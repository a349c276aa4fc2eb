"""The network: `model:` of a spec (Vaswani et al. 2017, section 3).

These classes hold the settings of each place (the self-attention of the encoder, say) after the
inheritance from `model:` and from its stack, which `inherit.py` carries out on the tree of nodes.
"""

from typing import Annotated, Literal

from pydantic import Field

from compiler.spec.section import Count, Heads, Layers, Positive, Rate, Section, Width


class Vocabulary(Section):
    """Rows of the embedding tables, the special symbols (padding, unknown, begin, end) included."""

    shared: bool = Field(default=True, description="one vocabulary for source and target")
    size: Count | None = Field(default=None, description="rows of the shared vocabulary")
    source: Count | None = Field(
        default=None, description="rows of the source vocabulary, if not shared"
    )
    target: Count | None = Field(
        default=None, description="rows of the target vocabulary, if not shared"
    )


class SinusoidalPosition(Section):
    """Sines and cosines of the position (section 3.5)."""

    kind: Literal["sinusoidal"]
    layout: Literal["interleaved", "concatenated"] = Field(
        default="interleaved",
        description="sine, cosine, sine ... as in the paper; or all sines first",
    )


class LearnedPosition(Section):
    """A learned vector for each position (Gehring et al. 2017; Table 3, row E)."""

    kind: Literal["learned"]
    max_length: Count = Field(
        default=1024, description="positions in the table; longer input is refused"
    )


class NoPosition(Section):
    """No position at all: the encoder sees a bag of words."""

    kind: Literal["none"]


Position = Annotated[SinusoidalPosition | LearnedPosition | NoPosition, Field(discriminator="kind")]


class Embedding(Section):
    """Token embeddings (section 3.4)."""

    tied: Literal["all", "target", "none"] = Field(
        default="all",
        description="tables that are one: source, target and output; target and output; none",
    )
    scale: Literal["sqrt_d_model", "none"] = Field(
        default="sqrt_d_model", description="factor on the embeddings, not on the output projection"
    )
    position: Position = Field(default=SinusoidalPosition(kind="sinusoidal"))


class Norm(Section):
    """Layer normalisation and its place around a sub-layer (section 3.1)."""

    kind: Literal["layer_norm"] = "layer_norm"
    place: Literal["post", "pre"] = Field(
        default="post", description="after the residual sum (the paper), or before the sub-layer"
    )
    final: bool | None = Field(
        default=None,
        description="a norm after the last layer of the stack; by default with `pre` only",
    )
    eps: Positive = Field(default=1e-5, description="added to the variance")


class Attention(Section):
    """Multi-head attention (section 3.2)."""

    heads: Heads = Field(description="attention heads")
    d_k: Width | None = Field(
        default=None, description="width of a query or key; by default d_model / heads"
    )
    d_v: Width | None = Field(
        default=None, description="width of a value; by default d_model / heads"
    )
    bias: bool = Field(default=False, description="biases in the four projections")
    dropout: Rate = Field(default=0.0, description="probability of dropping an attention weight")
    mask: Literal["all", "causal"] = Field(
        default="all",
        description="which positions a query may read; the decoder's own default is causal",
    )


class FeedForward(Section):
    """The position-wise feed-forward network (section 3.3)."""

    d_ff: Width = Field(description="width of the hidden layer")
    activation: Literal["relu", "gelu"] = Field(default="relu", description="the non-linearity")
    dropout: Rate = Field(default=0.0, description="probability of dropping an activation")


class XavierInitialization(Section):
    """Matrices Xavier-uniform (Glorot and Bengio 2010); embeddings deviate by d_model^-0.5."""

    kind: Literal["xavier"]
    gain: Positive = Field(default=1.0, description="factor on the bounds of the matrices")


class FairseqInitialization(Section):
    """Xavier-uniform, gain 1/sqrt(2) for query, key, value; embeddings deviate by d_model^-0.5."""

    kind: Literal["fairseq"]


class NormalInitialization(Section):
    """Matrices and embeddings normal with one deviation."""

    kind: Literal["normal"]
    deviation: Positive = Field(default=0.02, description="standard deviation")


Initialization = Annotated[
    XavierInitialization | FairseqInitialization | NormalInitialization,
    Field(discriminator="kind"),
]


class EncoderStack(Section):
    """The encoder: `layers` times self-attention and feed-forward."""

    layers: Layers = Field(description="layers one after the other")
    dropout: Rate = Field(default=0.0, description="on the output of each sub-layer (section 5.4)")
    norm: Norm = Norm()
    self_attention: Attention
    feed_forward: FeedForward


class DecoderStack(Section):
    """The decoder: `layers` times self-attention, cross-attention and feed-forward."""

    layers: Layers = Field(description="layers one after the other")
    dropout: Rate = Field(default=0.0, description="on the output of each sub-layer (section 5.4)")
    norm: Norm = Norm()
    self_attention: Attention
    cross_attention: Attention
    feed_forward: FeedForward


class Model(Section):
    """The network."""

    d_model: Width = Field(description="width of the residual stream")
    vocabulary: Vocabulary
    embedding: Embedding = Embedding()
    dropout: Rate = Field(
        default=0.0, description="on the sums of embeddings and positions (section 5.4)"
    )
    initialization: Initialization = Field(default=XavierInitialization(kind="xavier"))
    encoder: EncoderStack
    decoder: DecoderStack
