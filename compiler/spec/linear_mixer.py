"""Mixers whose state is a matrix that grows linearly: the cost of a text is linear in its length.

A position adds its key and its value to a matrix, which decays, and its query reads the matrix. In
training a text is read in chunks, whose positions read each other as in attention; decoding keeps
the matrix alone.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from compiler.spec.base import Heads, Positive, Width, setting
from compiler.spec.mixer_base import Conflict, Mixer

USUAL_EPS = 1e-5
USUAL_RANK = 16


class MatrixMixer(Mixer):
    """The base of mixers with a state that is a matrix for each head."""

    AHEAD_KEY: ClassVar[str] = "bidirectional"
    OUTPUT_KEYS: ClassVar[tuple[str, ...]] = ("heads",)

    heads: Heads = setting("matrices side by side", unit="heads", examples=[4])
    kernel: Literal["plain", "fla"] = setting(
        "how whole texts are read in training: in chunks by plain PyTorch, or, on a GPU that has "
        "the package, by the kernels of flash-linear-attention (Yang and Zhang 2024)",
        default="plain",
        since="0.3",
    )

    @property
    def reads_ahead(self) -> bool:
        return bool(getattr(self, self.AHEAD_KEY))


class KeyedMixer(MatrixMixer):
    """The base of mixers whose keys and values have widths of their own."""

    d_k: Width | None = setting(
        "width of queries and keys; by default d_model / heads",
        default=None,
        unit="numbers",
        examples=[32],
    )
    d_v: Width | None = setting(
        "width of values; by default d_model / heads", default=None, unit="numbers", examples=[32]
    )


def without_effect(section: Mixer, key: str, *, unless: str) -> Iterator[Conflict]:
    """Yield a mistake if a setting is written that matters only beside another."""
    if getattr(section, key) is not None:
        message = f"`{key}` has no effect without `{unless}`"
        yield Conflict(key, "unused-key", message, f"remove it, or write `{unless}`")


def uneven_heads(heads: int, width: int) -> Iterator[Conflict]:
    """Yield a mistake if heads cannot share the width of the stream."""
    if over := width % heads:
        message = f"{heads} heads cannot share d_model {width} ({over} left over)"
        help = "set `d_k` and `d_v` to free them from `d_model`"
        yield Conflict("heads", "uneven-heads", message, help)


class LinearAttention(KeyedMixer):
    """Attention without a softmax (Katharopoulos et al. 2020), whose past decays: retention (Sun et
    al. 2023, equation 6, without its rotation) or gated linear attention (Yang et al. 2024).

    With queries q, keys k, values v and decays a of a head, in (0, 1): S_t = diag(a_t) S_(t-1) +
    k_t v_t^T, and a position gets S_t^T q_t / sqrt(d_k).
    """

    EXAMPLE = "{heads: 4}"

    decay: Literal["fixed", "head", "number"] = setting(
        "a number for each head, 1 - 2^(-5 - head) (Sun et al. 2023, equation 8); or from the "
        "token, for each `head`, or for each `number` of its keys: sigmoid(x)^(1/16) (Yang et al. "
        "2024, section 4.4), and no less than e^-5",
        default="fixed",
    )
    rank: Width | None = setting(
        "width between the two linear maps that give decays of numbers; by default 16",
        default=None,
        unit="numbers",
        examples=[16],
    )
    norm: bool = setting(
        "RMSNorm of what each head gives, with one gain for all (Sun et al. 2023, equation 8)",
        default=True,
    )
    eps: Positive | None = setting(
        "added to the mean square in this norm; by default 1e-5", default=None, examples=[1e-6]
    )
    gate: bool = setting(
        "what the heads give is multiplied by the SiLU of a linear map of the stream", default=True
    )
    bidirectional: bool = setting(
        "a second state from the end of the text, in an encoder; what both give is added up",
        default=False,
    )

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        share = width // self.heads
        return self.model_copy(
            update={
                "d_k": self.d_k or share,
                "d_v": self.d_v or share,
                "rank": (self.rank or USUAL_RANK) if self.decay == "number" else None,
                "eps": (self.eps or USUAL_EPS) if self.norm else None,
            }
        )

    def conflicts(self, width: int, *, causal: bool) -> Iterator[Conflict]:  # noqa: ARG002
        if self.d_k is None or self.d_v is None:
            yield from uneven_heads(self.heads, width)
        if self.decay != "number":
            yield from without_effect(self, "rank", unless="decay: number")
        if not self.norm:
            yield from without_effect(self, "eps", unless="norm: true")


def uneven_groups(heads: int, groups: int, key: str) -> Iterator[Conflict]:
    """Yield a mistake if heads cannot be shared out among groups of equal size."""
    if heads % groups:
        divisors = [each for each in range(1, heads + 1) if heads % each == 0]
        nearest = min(divisors, key=lambda each: abs(each - groups))
        message = f"{heads} heads cannot share {groups} groups of queries and keys"
        yield Conflict(key, "uneven-groups", message, f"write `{key}: {nearest}`")


class StateSpace(MatrixMixer):
    """A state space whose decay is a number for each head (Mamba-2, Dao and Gu 2024, section 7).

    A linear map gives, in this order, a gate, values x, keys B, queries C and steps d in time; a
    causal convolution and a SiLU follow for x, B and C. S_t = exp(-A d_t) S_(t-1) + d_t B_t x_t^T;
    a position gets C_t S_t + D x_t, times the SiLU of its gate, normalised, and a linear map
    follows.
    """

    EXAMPLE = "{heads: 4}"

    d_head: Width | None = setting(
        "width of a head; by default 2 d_model / heads", default=None, unit="numbers", examples=[64]
    )
    d_state: Width = setting(
        "width of keys and queries", default=128, unit="numbers", examples=[128]
    )
    groups: Heads = setting(
        "keys and queries, each read by as many heads; a norm for each",
        default=1,
        unit="groups",
        examples=[2],
    )
    width: Annotated[int, Field(ge=2, le=2**10)] = setting(
        "positions that the convolution reads", default=4, unit="positions", examples=[4]
    )
    bias: bool = setting("of both linear maps", default=False)
    convolution_bias: bool = setting("of the convolution", default=True)
    eps: Positive = setting(
        "added to the mean square in the norm", default=USUAL_EPS, examples=[1e-6]
    )
    bidirectional: bool = setting(
        "a second state from the end of the text, in an encoder; what both give is added up, and "
        "the convolution reads no later position",
        default=False,
    )

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        return self.model_copy(update={"d_head": self.d_head or 2 * width // self.heads})

    def conflicts(self, width: int, *, causal: bool) -> Iterator[Conflict]:  # noqa: ARG002
        if self.d_head is None and 2 * width % self.heads:
            yield Conflict(
                key="heads",
                code="uneven-heads",
                message=f"{self.heads} heads cannot share 2 d_model, {2 * width} "
                f"({2 * width % self.heads} left over)",
                help="set `d_head` to free them from `d_model`",
            )
        yield from uneven_groups(self.heads, self.groups, "groups")


class DeltaNet(KeyedMixer):
    """Gated DeltaNet (Yang et al. 2025): a state that decays and unlearns what a key held.

    Queries, keys and values pass a causal convolution and a SiLU; queries and keys then have the
    length 1. With decays a and rates b, S_t = a_t (I - b_t k_t k_t^T) S_(t-1) + b_t k_t v_t^T, and
    a position gets S_t^T q_t / sqrt(d_k), normalised for each head, times the SiLU of its gate.
    """

    EXAMPLE = "{heads: 4}"

    key_heads: Heads | None = setting(
        "queries and keys, each read by as many heads; by default as many as heads",
        default=None,
        unit="heads",
        examples=[2],
    )
    width: Annotated[int, Field(ge=2, le=2**10)] = setting(
        "positions that the convolution reads", default=4, unit="positions", examples=[4]
    )
    eps: Positive = setting(
        "added to the mean square in the norm", default=USUAL_EPS, examples=[1e-6]
    )
    bidirectional: bool = setting(
        "a second state from the end of the text, in an encoder; what both give is added up, and "
        "the convolution reads no later position",
        default=False,
    )

    def with_defaults(self, width: int, *, causal: bool) -> Self:  # noqa: ARG002
        share = width // self.heads
        return self.model_copy(
            update={
                "key_heads": self.key_heads or self.heads,
                "d_k": self.d_k or share,
                "d_v": self.d_v or share,
            }
        )

    def conflicts(self, width: int, *, causal: bool) -> Iterator[Conflict]:  # noqa: ARG002
        if self.d_k is None or self.d_v is None:
            yield from uneven_heads(self.heads, width)
        yield from uneven_groups(self.heads, self.key_heads or self.heads, "key_heads")
