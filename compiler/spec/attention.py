"""Multi-head attention (Vaswani et al. 2017, section 3.2)."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from compiler.source.limits import HEAD_GROUPS
from compiler.spec.base import (
    Heads,
    MaskText,
    Positive,
    Rate,
    Section,
    Width,
    setting,
)
from compiler.spec.temperature import Temperature


class QueryKeyNorm(Section):
    """Queries and keys normalised before their products (Dehghani et al. 2023)."""

    kind: Literal["layer_norm", "rms_norm"] = setting("how", default="rms_norm")
    over: Literal["head", "all_heads"] = setting(
        "each head by itself, or all together (OLMo 2)", default="head"
    )
    eps: Positive = setting("added to the variance", default=1e-6, examples=[1e-5])
    place: Literal["before_rotation", "after_rotation"] = setting(
        "before rotary positions turn queries and keys (Qwen 3), or after (Hunyuan, NanoChat)",
        default="before_rotation",
        since="0.3",
    )


class LatentAttention(Section):
    """Keys and values of all heads from one narrow vector (DeepSeek-AI 2024, section 2.1).

    A cache holds this vector, the latent, and the rotary part of the keys, which all heads share.
    """

    keys_and_values: Width = setting(
        "width of the latent from which keys and values are made (d_c)",
        unit="numbers",
        examples=[512],
    )
    queries: Width | None = setting(
        "width of a latent from which queries are made (d_c'); by default they are made of the "
        "stream itself",
        default=None,
        unit="numbers",
        examples=[1536],
    )
    rotary: Width = setting(
        "the last numbers of `d_k`, which rotary positions turn and which the keys of all heads "
        "share (d_h^R)",
        unit="numbers",
        examples=[64],
    )
    eps: Positive = setting(
        "added to the mean square in the norms of latents", default=1e-6, examples=[1e-5]
    )


class HeadMask(Section):
    """The mask of some of the heads of an attention."""

    heads: Heads = setting(
        "how many, one after the other; with `kv_heads` whole groups of them",
        unit="heads",
        examples=[2],
    )
    mask: MaskText = setting(
        "which positions their queries may read", examples=["causal & window(64)"]
    )


def _form_of_masks(masks: object) -> str:
    """Return the tag of one mask for all heads, or of a list for groups of them."""
    return "head_masks" if isinstance(masks, list) else "text"


HeadMasks = Annotated[list[HeadMask], Field(min_length=2, max_length=HEAD_GROUPS)]


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
    temperature: Temperature | None = setting(
        "a factor on the scores of self-attention by the position or the length of a text",
        default=None,
        since="0.3",
        discriminator="kind",
    )
    sinks: bool = setting(
        "a learned score of each head for reading nothing, which takes a share of the weights in "
        "the softmax and gives no value (OpenAI 2025, gpt-oss)",
        default=False,
        since="0.3",
    )
    differential: bool = setting(
        "the difference of two maps of scores in each head, a learned share of the second one, "
        "with a norm for each head (Ye et al. 2024); `d_k` is then half of a value by default",
        default=False,
        since="0.3",
    )
    output_gate: Literal["element", "head"] | None = setting(
        "a gate on what the heads give, a sigmoid of a linear map of the layer's input: for each "
        "element, or one for each head (Qiu et al. 2025)",
        default=None,
        since="0.3",
    )
    value_embedding: bool = setting(
        "adds to the values of self-attention, by two learned factors of each layer, a second "
        "embedding of the tokens, whose table all layers of a stack share (modded-nanogpt, Jordan "
        "et al. 2024)",
        default=False,
        since="0.3",
    )
    query_key_norm: QueryKeyNorm | None = setting(
        "a norm on queries and keys before their products", default=None
    )
    latent: LatentAttention | None = setting(
        "keys and values of all heads made of one narrow vector, which is all that a cache holds: "
        "multi-head latent attention (DeepSeek-AI 2024)",
        default=None,
        since="0.3",
    )
    dropout: Rate = setting(
        "probability of dropping an attention weight",
        default=0.0,
        unit="probability",
        examples=[0.1],
    )
    mask: Annotated[
        Annotated[MaskText, Tag("text")] | Annotated[HeadMasks, Tag("head_masks")],
        Discriminator(_form_of_masks),
    ] = setting(
        "which positions a query may read, in the algebra of docs/masks.md, or a list of masks for "
        "groups of heads; the decoder's own default is causal",
        default="all",
        examples=["causal & window(128)", "causal & (window(128) | first(4))", "block(64)"],
    )

    def width_of_query(self, width: int) -> int:
        """Return `d_k`, by default the share that a head, or a map of it, has of a width."""
        return self.d_k or width // (self.heads * (2 if self.differential else 1))

    @property
    def head_masks(self) -> list[HeadMask]:
        """The groups of heads with their masks: one of all heads where one mask is for all."""
        if isinstance(self.mask, str):
            return [HeadMask(heads=self.heads, mask=self.mask)]
        return self.mask
