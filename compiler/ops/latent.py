"""Keys and values made of one narrow vector, the latent (DeepSeek-AI 2024, section 2.1)."""

from dataclasses import dataclass
from typing import ClassVar

from compiler.ops.attention import Attention
from compiler.ops.caption import Caption
from compiler.ops.expression import (
    Attribute,
    Binary,
    Call,
    Const,
    Expression,
    Hyperparameter,
    Name,
    call,
)
from compiler.ops.linear import Linear
from compiler.ops.op import Cost, Expands, Op, State
from compiler.ops.shape import Lengths, Shape, elements, require, size

ONE_HEAD = Const(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandLatent(Linear):
    """latent [batch, 1, position, latent], rotary [batch, 1, position, rotary] -> key, value.

    The linear map makes of a latent the keys [batch, heads, position, d_k - rotary] and the values
    [batch, heads, position, d_v] of all heads; behind these keys stands the rotary part that all
    heads share.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("latent",)
    returns_list: ClassVar[bool] = True

    heads: Hyperparameter
    rotary: Hyperparameter
    d_k: Hyperparameter
    d_v: Hyperparameter

    @property
    def caption(self) -> Caption:
        words = f"keys and values from {size(self.inputs, {})} + {self.rotary.value} numbers"
        return Caption(title="Linear", kind="linear", words=words)

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        latent, rotary = inputs
        batch, _, position, _ = latent
        require(latent, (batch, ONE_HEAD, position, self.inputs), "expand_latent, latent")
        require(rotary, (batch, ONE_HEAD, position, self.rotary), "expand_latent, rotary")
        every = (batch, self.heads, position)
        return ((*every, self.d_k), (*every, self.d_v))

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        return Linear.cost(self, inputs[:1], lengths)

    def state(self, decoded: tuple[bool, ...]) -> State:
        return Expands()

    def attention_to_inputs(self, attention: Op) -> "LatentAttention":
        """Return the op by which a step attends to what the keys and values are made of."""
        assert isinstance(attention, Attention)
        assert not attention.parameters(), "attention to latents has the map's parameters alone"
        return LatentAttention(
            heads=self.heads,
            rotary=self.rotary,
            d_k=self.d_k,
            d_v=self.d_v,
            latent=self.inputs,
            scale=attention.scale,
            soft_cap=attention.soft_cap,
            biased=attention.biased,
        )

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        return call("expand_latent", this, *inputs, self.heads, own_key(self), self.d_v)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentAttention(Op):
    """Attention to latents, whose map to keys and values goes to queries and results instead.

    query [batch, heads, queries, d_k], latent [batch, 1, keys, latent], rotary [batch, 1, keys,
    rotary], a mask or a bias -> [batch, heads, queries, d_v]. The map is that of `ExpandLatent`.
    """

    chosen_by: ClassVar[tuple[str, ...]] = ("latent", "mask", "position")

    heads: Hyperparameter
    rotary: Hyperparameter
    d_k: Hyperparameter
    d_v: Hyperparameter
    latent: Expression
    scale: Hyperparameter | None
    soft_cap: Hyperparameter | None
    biased: bool

    def shape(self, inputs: tuple[Shape, ...]) -> tuple[Shape, ...]:
        query, latent, rotary, *_ = inputs
        require(query, (query[0], self.heads, query[2], self.d_k), "latent_attention, query")
        require(latent, (query[0], ONE_HEAD, latent[2], self.latent), "latent_attention, latent")
        require(rotary, (query[0], ONE_HEAD, latent[2], self.rotary), "latent_attention, rotary")
        return ((*query[:3], self.d_v),)

    def cost(self, inputs: tuple[Shape, ...], lengths: Lengths) -> Cost:
        query, latent, *_ = inputs
        rows, keys = elements(query[:3], lengths), elements(latent[2:3], lengths)
        d_k, d_v, rotary = (size(each, {}) for each in (self.d_k, self.d_v, self.rotary))
        width = size(self.latent, {})
        mapped = 2 * rows * width * (d_k - rotary + d_v)
        return Cost(flops=mapped + 2 * rows * keys * (2 * width + rotary))

    def code(self, this: Expression, inputs: tuple[Expression, ...]) -> Expression:
        query, latent, rotary, *masks = inputs
        found: dict[str, Expression | None] = {"scale": self.scale, "soft_cap": self.soft_cap}
        if self.biased:
            found["bias"] = masks.pop()
        settings = tuple((key, each) for key, each in found.items() if each is not None)
        weight = Attribute(this, "weight")
        arguments = (query, latent, rotary, weight, self.d_v, *masks)
        return Call(Name("latent_attention"), arguments, settings)


def own_key(op: ExpandLatent) -> Expression:
    """Return the width of the part of a key that each head has for itself."""
    return Binary(op.d_k, "-", op.rotary)
