"""The words of the paper about the network: section 3."""

from compiler.conform.statement import Place, Statement, exactly, of_row, unnamed
from compiler.spec.mixer import MIXERS


def _mask(place: Place) -> tuple[object, ...]:
    is_masked = "decoder" in place.path and "self_attention" in place.path
    return ("causal",) if is_masked else ("all",)


def _block(place: Place) -> tuple[object, ...]:
    across = ["cross_attention"] if "decoder" in place.path else []
    return (["self_attention", *across, "feed_forward"],)


def _width(place: Place) -> tuple[object, ...]:
    return (None, place.spec.model.d_model)


def _scale(place: Place) -> tuple[object, ...]:
    return (None, getattr(place.section, "d_k", 1) ** -0.5)


def _heads(place: Place) -> tuple[object, ...]:
    return (getattr(place.section, "heads", None),)


def _repeat(place: Place) -> tuple[object, ...]:
    return (None, getattr(place.section, "repeat", None))


STACKS = (
    Statement(
        section="3.1",
        keys=("Spec.task",),
        values=exactly("translation"),
        says="an encoder and a decoder that translate; section 6.3 parses with the same network",
    ),
    Statement(
        section="3.1",
        keys=("Stack.layers",),
        values=of_row("layers"),
        says="the encoder and the decoder are stacks of N = 6 identical layers; Table 3 (C) "
        "varies N",
    ),
    Statement(
        section="3.1",
        keys=("Model.d_model",),
        values=of_row("d_model"),
        says="all sub-layers and embedding layers have outputs of d_model = 512; Table 3 (C) "
        "varies it",
    ),
    Statement(
        section="3.1",
        keys=("Stack.d_model",),
        values=_width,
        says="both stacks have the width d_model",
    ),
    Statement(
        section="3.1",
        keys=("LayerGroup.block",),
        values=_block,
        says="self-attention, then the feed-forward network; the decoder has attention over the "
        "encoder's output between them",
    ),
    Statement(
        section="3.1",
        keys=tuple(f"LayerGroup.{name}" for name in MIXERS),
        values=exactly(None),
        says='"no recurrence and no convolution" (3.5)',
    ),
    Statement(
        section="3.1",
        keys=("LayerGroup.distinct",),
        values=_repeat,
        says='"different parameters from layer to layer" (3.3)',
    ),
    Statement(
        section="3.1",
        keys=("Norm.kind",),
        values=exactly("layer_norm"),
        says="layer normalization (Ba et al. 2016)",
    ),
    Statement(
        section="3.1",
        keys=("Norm.place",),
        values=exactly("post"),
        says="LayerNorm(x + Sublayer(x)): the norm comes after the residual sum",
        tensor2tensor="the same at first; later presets have it before the sub-layer",
    ),
    Statement(
        section="3.1",
        keys=("Norm.final",),
        values=exactly(False),
        says="no norm after the last layer but that of its last sub-layer (Figure 1)",
    ),
    Statement(
        section="3.1",
        keys=("Norm.joint",),
        values=exactly(None, False),
        says="a norm of its own for each sub-layer (Figure 1)",
    ),
    Statement(
        section="3.1",
        keys=("Norm.bias",),
        values=exactly(True),
        says="Ba et al.'s norm has a learned gain and a learned bias",
    ),
    unnamed("3.1", "Norm.eps", about="what is added to the variance", tensor2tensor="1e-6"),
)
SUB_LAYERS = (
    Statement(
        section="3.2",
        keys=("Attention.heads",),
        values=of_row("heads"),
        says="h = 8 heads; Table 3 (A) varies them (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.d_k",),
        values=of_row("d_k"),
        says="d_k = d_model / h = 64; Table 3 (B) varies it (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.d_v",),
        values=of_row("d_v"),
        says="d_v = d_model / h = 64 (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.kv_heads",),
        values=_heads,
        says="each head has projections of its own for keys and values (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.bias", "Attention.output_bias"),
        values=exactly(False),
        says="head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V), then W^O: matrices without biases "
        "(3.2.2)",
        tensor2tensor="none",
    ),
    Statement(
        section="3.2",
        keys=("Attention.scale",),
        values=_scale,
        says="scores are divided by the square root of d_k (equation 1)",
    ),
    Statement(
        section="3.1",
        keys=("Stack.residual",),
        values=exactly(None),
        says="a residual connection around each sub-layer: one stream, to which each is added",
    ),
    Statement(
        section="3.1",
        keys=("LayerGroup.layer_scale",),
        values=exactly(None),
        says="LayerNorm(x + Sublayer(x)): no factor on what a sub-layer adds",
    ),
    Statement(
        section="3.2",
        keys=("Attention.latent",),
        values=exactly(None),
        says="keys and values are linear maps of the input, head by head (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.soft_cap", "Attention.query_key_norm", "Attention.temperature"),
        values=exactly(None),
        says="softmax(Q K^T / sqrt(d_k)) V: no bound on scores, no temperature, and no norm "
        "(equation 1)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.sinks",),
        values=exactly(False),
        says="the weights of a query are a softmax over keys alone (equation 1)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.differential",),
        values=exactly(False),
        says="each head has one map of weights (equation 1)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.value_embedding",),
        values=exactly(False),
        says="values are linear maps of the layer's input: no table of their own (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.output_gate",),
        values=exactly(None),
        says="MultiHead(Q, K, V) = Concat(head_1, ..., head_h) W^O: no gate on the heads (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.mask",),
        values=_mask,
        says="the decoder's self-attention sees no later position, all other attention every "
        "position (3.2.3)",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.d_ff",),
        values=of_row("d_ff"),
        says="d_ff = 2048; Table 3 (C) varies it",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.activation",),
        values=exactly("relu"),
        says="max(0, x W1 + b1) W2 + b2 (equation 2)",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.gated",),
        values=exactly(False),
        says="two linear maps, and no gate (equation 2)",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.clamp", "FeedForward.up_offset"),
        values=exactly(None, 0.0),
        says="nothing is bounded or added between the maps but biases (equation 2)",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.bias",),
        values=exactly(True),
        says="both linear maps have a bias (equation 2)",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.scale",),
        values=exactly(1.0),
        says="the output is added as it is (equation 2, and x + Sublayer(x))",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.experts",),
        values=exactly(None),
        says='one network, "applied to each position separately and identically"',
    ),
)
EMBEDDINGS = (
    Statement(
        section="3.4",
        keys=("Embedding.tied",),
        values=exactly("all"),
        says="one matrix for both embedding layers and the linear map before the softmax",
    ),
    Statement(
        section="3.4",
        keys=("Embedding.scale",),
        values=exactly("sqrt_d_model"),
        says="the weights are multiplied by the square root of d_model in the embedding layers",
    ),
    Statement(
        section="3.4",
        keys=("Embedding.width",),
        values=_width,
        says="tokens become vectors of d_model numbers by learned embeddings",
    ),
    unnamed(
        "3.4",
        "Embedding.segments",
        values=exactly(None),
        about="vectors of segments, which are added to embeddings",
    ),
    unnamed(
        "3.4",
        "Embedding.norm",
        values=exactly(False),
        about="a norm of the sums of embeddings and positions",
        tensor2tensor="none",
    ),
    unnamed(
        "3.4",
        "Output.bias",
        values=exactly(False),
        about="a bias in the linear map before the softmax",
        tensor2tensor="none",
    ),
    unnamed(
        "3.4",
        "Output.scale",
        values=exactly(1.0),
        about="a factor on the logits",
        tensor2tensor="none",
    ),
    unnamed(
        "3.4",
        "Output.soft_cap",
        values=exactly(None),
        about="a bound on the logits",
        tensor2tensor="none",
    ),
    unnamed(
        "3.4",
        "Model.initialization",
        about="the weights at the start of the training",
        tensor2tensor="Xavier uniform (variance by the mean of inputs and outputs); embeddings "
        "normal with the deviation d_model^-0.5",
    ),
    Statement(
        section="3.5",
        keys=("Stack.position",),
        values=of_row("position"),
        says="sinusoids, added to the embeddings; Table 3 (E) learns positions",
    ),
    Statement(
        section="3.5",
        keys=("SinusoidalPosition.layout",),
        values=exactly("interleaved"),
        says="sine at even and cosine at odd places; wavelengths from 2 pi to 10000 x 2 pi, which "
        "the last falls short of by its formula",
        tensor2tensor="all sines before all cosines, wavelengths up to 10000 x 2 pi itself",
    ),
    unnamed(
        "3.5",
        "SinusoidalPosition.offset",
        about="the position of the first token: pos is the position, counted from 0 or from 1",
        tensor2tensor="0",
    ),
    Statement(
        section="3.5",
        keys=("LayerGroup.position",),
        values=exactly("none"),
        says="positions are added at the bottoms of the stacks, and nowhere else",
    ),
)
NETWORK = (*STACKS, *SUB_LAYERS, *EMBEDDINGS)
