"""The words of the paper about the network: section 3."""

from compiler.conform.statement import Place, Statement, exactly, of_row


def _mask(place: Place) -> tuple[object, ...]:
    is_masked = "decoder" in place.path and "self_attention" in place.path
    return ("causal",) if is_masked else ("all",)


def _block(place: Place) -> tuple[object, ...]:
    across = ["cross_attention"] if "decoder" in place.path else []
    return (["self_attention", *across, "feed_forward"],)


def _scale(place: Place) -> tuple[object, ...]:
    return (None, getattr(place.section, "d_k", 1) ** -0.5)


def _heads(place: Place) -> tuple[object, ...]:
    return (getattr(place.section, "heads", None),)


def _repeat(place: Place) -> tuple[object, ...]:
    return (None, getattr(place.section, "repeat", None))


NETWORK = (
    Statement(
        section="3.1",
        keys=("Stack.layers",),
        values=of_row("layers"),
        says="the encoder and the decoder are stacks of N = 6 identical layers; Table 3 varies N",
    ),
    Statement(
        section="3.1",
        keys=("Model.d_model",),
        values=of_row("d_model"),
        says="all sub-layers and embeddings have outputs of d_model = 512; Table 3 varies it",
    ),
    Statement(
        section="3.1",
        keys=("Stack.d_model",),
        values=exactly(None),
        says="both stacks have the same width",
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
        keys=("Norm.kind",),
        values=exactly("layer_norm"),
        says="layer normalization (Ba et al. 2016)",
    ),
    Statement(
        section="3.1",
        keys=("Norm.place",),
        values=exactly("post"),
        says="LayerNorm(x + Sublayer(x)): the norm comes after the residual sum (tensor2tensor "
        "later moved it before the sub-layer)",
    ),
    Statement(
        section="3.1",
        keys=("Norm.final",),
        values=exactly(False),
        says="no norm after the last layer but that of its last sub-layer",
    ),
    Statement(
        section="3.1",
        keys=("Norm.joint", "Norm.offset"),
        values=exactly(None, False),
        says="a norm of its own for each sub-layer",
    ),
    Statement(
        section="3.1",
        keys=("Norm.bias",),
        values=exactly(True),
        says="Ba et al.'s norm has a learned gain and a learned bias",
    ),
    Statement(
        section="3.1",
        keys=("Norm.eps",),
        says="not given; tensor2tensor: 1e-6",
    ),
    Statement(
        section="3.1",
        keys=("LayerGroup.distinct",),
        values=_repeat,
        says="each layer has weights of its own",
    ),
    Statement(
        section="3.1",
        keys=("LayerGroup.recurrence", "LayerGroup.convolution"),
        values=exactly(None),
        says="no recurrence and no convolution",
    ),
    Statement(
        section="3.1",
        keys=("Spec.task", "Model.prediction", "Model.classifier"),
        values=exactly("translation", None),
        says="an encoder and a decoder that translate",
    ),
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
        says="each head has keys and values of its own (3.2.2)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.bias", "Attention.output_bias"),
        values=exactly(False),
        says="projections are matrices; no bias is named (3.2.2); tensor2tensor has none",
    ),
    Statement(
        section="3.2",
        keys=("Attention.scale",),
        values=_scale,
        says="scores are divided by the square root of d_k (3.2.1)",
    ),
    Statement(
        section="3.2",
        keys=("Attention.soft_cap", "Attention.query_key_norm"),
        values=exactly(None),
        says="softmax of the scaled products, without a bound or a norm (3.2.1)",
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
        says="d_ff = 2048; Table 3 varies it",
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
        says="two linear maps, no gate (equation 2)",
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
        says="the output is added as it is",
    ),
    Statement(
        section="3.3",
        keys=("FeedForward.experts",),
        values=exactly(None),
        says="one network for all tokens of a layer",
    ),
    Statement(
        section="3.4",
        keys=("Embedding.tied",),
        values=exactly("all"),
        says="one matrix for both embeddings and the projection before the softmax",
    ),
    Statement(
        section="3.4",
        keys=("Embedding.scale",),
        values=exactly("sqrt_d_model"),
        says="embeddings are multiplied by the square root of d_model",
    ),
    Statement(
        section="3.4",
        keys=("Embedding.width", "Embedding.segments"),
        values=exactly(None),
        says="embeddings of d_model numbers, of tokens alone",
    ),
    Statement(
        section="3.4",
        keys=("Embedding.norm",),
        values=exactly(False),
        says="no norm on embeddings is named",
    ),
    Statement(
        section="3.4",
        keys=("Output.bias",),
        values=exactly(False),
        says="a linear map, then softmax; no bias is named",
    ),
    Statement(
        section="3.4",
        keys=("Output.scale",),
        values=exactly(1.0),
        says="softmax of the projection as it is; no factor is named",
    ),
    Statement(
        section="3.4",
        keys=("Output.soft_cap",),
        values=exactly(None),
        says="no bound on the logits is named",
    ),
    Statement(
        section="3.4",
        keys=("Model.initialization",),
        says="not given; tensor2tensor: Xavier uniform (mean of inputs and outputs)",
    ),
    Statement(
        section="3.5",
        keys=("Stack.position",),
        values=of_row("position"),
        says="sinusoids, added to embeddings; Table 3 (E) learns them",
    ),
    Statement(
        section="3.5",
        keys=("SinusoidalPosition.layout",),
        values=exactly("interleaved"),
        says="sine at even and cosine at odd places, wavelengths up to nearly 10000 x 2 pi "
        "(tensor2tensor: all sines first, up to 10000 x 2 pi)",
    ),
    Statement(
        section="3.5",
        keys=("SinusoidalPosition.offset",),
        values=exactly(0),
        says="pos is the position; whether the first is 0 or 1 is not given (tensor2tensor: 0)",
    ),
    Statement(
        section="3.5",
        keys=("LayerGroup.position",),
        values=exactly("none"),
        says="layers see no position of their own",
    ),
)
