"""llama-like: a small language model with the parts of Llama (Touvron et al. 2023).

Written by specformer from a spec. It needs the standard library and torch.
"""

# mypy: no-warn-return-any
# (to type checkers the call of a PyTorch module returns Any)

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY = 600
D_MODEL = 128
INIT_STD = 0.02
DECODER_LAYERS = 2
NORM_EPS = 1e-06
HEADS = 4
D_K = 32
KV_HEADS = 2
D_V = 32
D_FF = 384
DROPOUT = 0.1
ROTARY_BASE = 10000.0
PADDING = 0


def embedding(rows: int, width: int, std: float) -> nn.Embedding:
    """Build an embedding, normal with std `std`; the vector of padding is zero."""
    module = nn.Embedding(rows, width, padding_idx=PADDING)
    nn.init.normal_(module.weight, std=std)
    nn.init.zeros_(module.weight.detach()[PADDING])
    return module


def linear(inputs: int, *outputs: int, bias: bool, std: float) -> nn.Linear:
    """Build a linear layer of joined outputs, normal with standard deviation `std`."""
    module = nn.Linear(inputs, sum(outputs), bias=bias)
    nn.init.normal_(module.weight, std=std)
    return module


def dropout(x: Tensor, rate: float, training: bool) -> Tensor:
    """Zero elements of x with probability `rate`, scale up the others (Srivastava et al. 2014).

    On a CPU most of the time of dropout goes into random numbers. One of 64 bits therefore serves
    eight elements there, a byte for each, so `rate` is rounded to a multiple of 1/256, from 1/256
    to 255/256.
    """
    if rate == 0 or not training or x.device.type != "cpu":
        return F.dropout(x, rate, training)
    zeroed = min(max(round(rate * 256), 1), 255)
    draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= zeroed
    return x * (kept * (256 / (256 - zeroed))).type_as(x)


def rotary_angles(
    first: int | Tensor, count: int, width: int, base: float, device: torch.device
) -> Tensor:
    """Return the angles of positions first, first + 1, ... (Su et al. 2021).

    -> [count, width // 2], an angle for each pair of `width` numbers
    """
    position = first + torch.arange(count, device=device)[:, None]
    return position * base ** (-torch.arange(0, width, 2, device=device) / width)


def cosine_sine(angle: Tensor) -> Tensor:
    """Return cosines and sines: angle [position, width // 2] -> [2, position, width]

    The angle of a pair stands at both of its numbers, which are half a width apart.
    """
    return torch.stack((angle.cos(), angle.sin())).repeat(1, 1, 2)


def split_groups(x: Tensor, *parts: tuple[int, int]) -> list[Tensor]:
    """x [batch, position, all widths] -> [batch, heads, position, width] for each (heads, width)"""
    slices = torch.split(x, [heads * width for heads, width in parts], dim=-1)
    return [
        each.view(*each.shape[:2], heads, width).transpose(1, 2)
        for each, (heads, width) in zip(slices, parts, strict=True)
    ]


def rotate_half(x: Tensor) -> Tensor:
    """x [..., width] -> each pair (a, b) as (-b, a), where b stands half a width after a"""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate each pair of numbers by the angle of its position (Su et al. 2021).

    x [batch, heads, position, width], rotation [2, position, width]
    -> [batch, heads, position, width]
    """
    cosine, sine = rotation
    return (x * cosine + rotate_half(x) * sine).type_as(x)


def merge_heads(x: Tensor) -> Tensor:
    """x [batch, heads, position, width] -> [batch, position, heads * width]"""
    return x.transpose(1, 2).flatten(2)


class State:
    """The decoding state of a module: tensors [batch, ...] and the states of its submodules.

    Tensors of fewer than two dimensions are positions and numbers of slots, which all texts share.
    """

    def keep(self, rows: Tensor) -> None:
        """Keep only these rows of the batch [rows]; finished texts are dropped."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor) and value.dim() > 1:
                setattr(self, name, value[rows])
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, State):
                    each.keep(rows)

    def fix(self, room: int, newest: Tensor) -> None:
        """Give all buffers `room` slots, so that no later step changes a shape.

        `newest` [beam] are the numbers of the newest slots; each step moves them on in place.
        """
        for value in vars(self).values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, State):
                    each.fix(room, newest)


class BeamAncestry(State):
    """The cache slots that belong to each hypothesis: those of its own tokens and no others.

    `mask` is [batch, beam, slots], its end false, so that the number of slots is a multiple of 16;
    a step uses a slot for each hypothesis. Where hypotheses are reordered or dropped no cache is
    copied: only this mask changes.
    """

    position: int | Tensor
    slots: Tensor | None = None

    def __init__(self, batch: int, device: torch.device) -> None:
        self.position, self.used = -1, 0
        self.mask = torch.ones(batch, 1, 0, dtype=torch.bool, device=device)

    def fill(self, length: int) -> None:
        """Start with one hypothesis of `length` positions for each text."""
        self.mask = self.mask.new_ones(self.mask.size(0), 1, length)
        self.position, self.used = length - 1, length

    def extend(self, parent: Tensor) -> None:
        """Add a position: each new hypothesis extends its `parent` [batch, beam]."""
        batch, beam = parent.shape
        old = self.mask.gather(1, parent[:, :, None].expand(-1, -1, self.mask.size(2)))
        own = torch.eye(beam, dtype=torch.bool, device=parent.device).expand(batch, -1, -1)
        self.position = self.position + 1
        if self.slots is not None:
            self.slots += beam  # in place, since the caches read it as well
            self.mask = old.index_copy(2, self.slots, own)
            return
        first, self.used = self.used, self.used + beam
        blank = own.new_zeros(1).expand(batch, beam, -self.used % 16)
        self.mask = torch.cat((old[:, :, :first], own, blank), dim=2)

    def fix(self, room: int, newest: Tensor) -> None:
        more = room + -room % 16 - self.mask.size(2)
        self.mask = F.pad(self.mask, (0, more)).expand(-1, newest.size(0), -1).clone()
        self.position, self.slots = newest.new_zeros(()) + self.position, newest


class KeyValueCache(State):
    """Keys and values so far [batch, heads, slots, width]; the buffers double when full.

    Attention to keys whose number is no multiple of 16 takes up to twice the time on a CPU, so the
    slots are handed out in blocks of 16, zeros at the end, which `BeamAncestry` masks. Fixed
    buffers are handed out whole.
    """

    key: Tensor
    value: Tensor
    newest: Tensor | None = None

    def __init__(self) -> None:
        self.slots = 0

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append slots [batch, heads, new, width]; return the keys and values of all slots."""
        if self.newest is not None:
            self.key.index_copy_(2, self.newest, key)
            self.value.index_copy_(2, self.newest, value)
            return self.key, self.value
        if self.slots == 0:
            self.key, self.value = key[:, :, :0], value[:, :, :0]
        first, self.slots = self.slots, self.slots + key.size(2)
        if self.slots > self.key.size(2):
            self.grow(64 + 2 * first)
        self.key[:, :, first : self.slots] = key
        self.value[:, :, first : self.slots] = value
        end = self.slots + -self.slots % 16
        return self.key[:, :, :end], self.value[:, :, :end]

    def fill(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Fill an empty cache with keys and values [batch, heads, position, width]; return them."""
        self.key, self.value, self.slots = key, value, key.size(2)
        return key, value

    def grow(self, room: int) -> None:
        """Move to buffers of at least `room` slots, a multiple of 16."""
        self.key, self.value = (
            F.pad(each, (0, 0, 0, room + -room % 16 - each.size(2)))
            for each in (self.key, self.value)
        )

    def fix(self, room: int, newest: Tensor) -> None:
        self.newest = newest
        self.grow(room)


class Layers(nn.ModuleList):
    """A list of layers whose methods a type checker need not know."""

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()


class DecoderSelfAttention(nn.Module):
    """Masked self-attention (Vaswani et al. 2017, section 3.2), HEADS heads of D_K, KV_HEADS of
    keys and values (Ainslie et al. 2023): position i attends to positions 0..i.
    """

    def __init__(self) -> None:
        super().__init__()
        self.query_key_value = linear(
            D_MODEL, HEADS * D_K, KV_HEADS * D_K, KV_HEADS * D_V, bias=False, std=INIT_STD
        )
        self.output = linear(HEADS * D_V, D_MODEL, bias=False, std=INIT_STD)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """x [batch, position, D_MODEL], rotation [2, position, D_K]
        -> [batch, position, D_MODEL]
        """
        query, key, value = split_groups(
            self.query_key_value(x), (HEADS, D_K), (KV_HEADS, D_K), (KV_HEADS, D_V)
        )
        query = rotate(query, rotation)
        key = rotate(key, rotation)
        mixed = F.scaled_dot_product_attention(query, key, value, enable_gqa=True, is_causal=True)
        return self.output(merge_heads(mixed))

    def start(self) -> KeyValueCache:
        """Make an empty state."""
        return KeyValueCache()

    def step(
        self, x: Tensor, rotation: Tensor, cache: KeyValueCache, ancestry: BeamAncestry
    ) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], rotation [2, 1, D_K] -> [batch, beam, D_MODEL]
        """
        query, key, value = split_groups(
            self.query_key_value(x), (HEADS, D_K), (KV_HEADS, D_K), (KV_HEADS, D_V)
        )
        query = rotate(query, rotation)
        key = rotate(key, rotation)
        key, value = cache.append(key, value)
        mixed = F.scaled_dot_product_attention(
            query, key, value, ancestry.mask[:, None], enable_gqa=True
        )
        return self.output(merge_heads(mixed))

    def prefill(self, x: Tensor, rotation: Tensor, cache: KeyValueCache) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, position, D_MODEL], rotation [2, position, D_K] -> [batch, position, D_MODEL]
        """
        query, key, value = split_groups(
            self.query_key_value(x), (HEADS, D_K), (KV_HEADS, D_K), (KV_HEADS, D_V)
        )
        query = rotate(query, rotation)
        key = rotate(key, rotation)
        key, value = cache.fill(key, value)
        mixed = F.scaled_dot_product_attention(query, key, value, enable_gqa=True, is_causal=True)
        return self.output(merge_heads(mixed))


class FeedForward(nn.Module):
    """A linear map gated by another through a SiLU, and a third (SwiGLU, Shazeer 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = linear(D_MODEL, D_FF, D_FF, bias=False, std=INIT_STD)
        self.output = linear(D_FF, D_MODEL, bias=False, std=INIT_STD)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, position, D_MODEL] -> [batch, position, D_MODEL]"""
        gate, hidden = self.hidden(x).chunk(2, dim=-1)
        hidden = F.silu(gate) * hidden
        return self.output(hidden)


class DecoderLayer(nn.Module):
    """Each sub-layer reads a normalised copy of its input and is added to it (pre-norm, Xiong et
    al. 2020). The norm is RMSNorm (Zhang and Sennrich 2019).
    """

    def __init__(self) -> None:
        super().__init__()
        self.self_attention = DecoderSelfAttention()
        self.self_attention_norm = nn.RMSNorm(D_MODEL, NORM_EPS)
        self.feed_forward = FeedForward()
        self.feed_forward_norm = nn.RMSNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """x [batch, position, D_MODEL], rotation [2, position, D_K]
        -> [batch, position, D_MODEL]
        """
        y = self.self_attention(self.self_attention_norm(x), rotation)
        x = x + dropout(y, DROPOUT, self.training)
        y = self.feed_forward(self.feed_forward_norm(x))
        return x + dropout(y, DROPOUT, self.training)

    def start(self) -> KeyValueCache:
        """Make an empty state."""
        return self.self_attention.start()

    def step(
        self, x: Tensor, rotation: Tensor, cache: KeyValueCache, ancestry: BeamAncestry
    ) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], rotation [2, 1, D_K] -> [batch, beam, D_MODEL]
        """
        x = x + self.self_attention.step(self.self_attention_norm(x), rotation, cache, ancestry)
        return x + self.feed_forward(self.feed_forward_norm(x))

    def prefill(self, x: Tensor, rotation: Tensor, cache: KeyValueCache) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, position, D_MODEL], rotation [2, position, D_K] -> [batch, position, D_MODEL]
        """
        x = x + self.self_attention.prefill(self.self_attention_norm(x), rotation, cache)
        return x + self.feed_forward(self.feed_forward_norm(x))


class Decoder(nn.Module):
    """DECODER_LAYERS layers and a norm after the last."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers(DecoderLayer() for _ in range(DECODER_LAYERS))
        self.norm = nn.RMSNorm(D_MODEL, NORM_EPS)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        """x [batch, position, D_MODEL], rotation [2, position, D_K]
        -> [batch, position, D_MODEL]
        """
        for layer in self.layers:
            x = layer(x, rotation)
        return self.norm(x)

    def start(self) -> list[KeyValueCache]:
        """Make an empty state."""
        return [layer.start() for layer in self.layers]

    def step(
        self, x: Tensor, rotation: Tensor, states: list[KeyValueCache], ancestry: BeamAncestry
    ) -> Tensor:
        """Compute the newest position of each hypothesis.

        x [batch, beam, D_MODEL], rotation [2, 1, D_K] -> [batch, beam, D_MODEL]
        """
        for layer, state in zip(self.layers, states, strict=True):
            x = layer.step(x, rotation, state, ancestry)
        return self.norm(x)

    def prefill(self, x: Tensor, rotation: Tensor, states: list[KeyValueCache]) -> Tensor:
        """Compute the first positions at once, into an empty state.

        x [batch, position, D_MODEL], rotation [2, position, D_K] -> [batch, position, D_MODEL]
        """
        for layer, state in zip(self.layers, states, strict=True):
            x = layer.prefill(x, rotation, state)
        return self.norm(x)


@dataclass
class TransformerState(State):
    decoder: list[KeyValueCache]
    ancestry: BeamAncestry


class Transformer(nn.Module):
    """Decoder; tokens and output have tables of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = embedding(VOCABULARY, D_MODEL, std=INIT_STD)
        self.projection = linear(D_MODEL, VOCABULARY, bias=False, std=INIT_STD)
        self.decoder = Decoder()

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens [batch, position] -> [batch, position, VOCABULARY]"""
        return self.project(self.features(tokens))

    def features(self, tokens: Tensor) -> Tensor:
        """tokens [batch, position] -> [batch, position, D_MODEL]"""
        x = self.embedding(tokens)
        x = dropout(x, DROPOUT, self.training)
        angle = rotary_angles(0, tokens.size(1), D_K, ROTARY_BASE, tokens.device)
        rotation = cosine_sine(angle)
        return self.decoder(x, rotation)

    def project(self, features: Tensor) -> Tensor:
        """features [..., D_MODEL] -> [..., VOCABULARY]"""
        return self.projection(features)

    def start(self, tokens: Tensor) -> TransformerState:
        """Make an empty state for as many texts as `tokens` has rows."""
        return TransformerState(self.decoder.start(), BeamAncestry(tokens.size(0), tokens.device))

    def step(self, token: Tensor, parent: Tensor, state: TransformerState) -> Tensor:
        """Compute the features of the newest token of each hypothesis. `parent` is the index of the
        hypothesis of the previous step that it extends: 0, the empty one, in the first step.

        token [batch, beam], parent [batch, beam] -> [batch, beam, D_MODEL]
        """
        state.ancestry.extend(parent)
        x = self.embedding(token)
        angle = rotary_angles(state.ancestry.position, 1, D_K, ROTARY_BASE, token.device)
        rotation = cosine_sine(angle)
        return self.decoder.step(x, rotation, state.decoder, state.ancestry)

    def prefill(self, tokens: Tensor, state: TransformerState) -> Tensor:
        """Read the first tokens of each text, without padding, into a new state at once. The result
        is the same as from one `step` for each token.

        tokens [batch, position] -> [batch, position, D_MODEL]
        """
        state.ancestry.fill(tokens.size(1))
        x = self.embedding(tokens)
        angle = rotary_angles(0, tokens.size(1), D_K, ROTARY_BASE, tokens.device)
        rotation = cosine_sine(angle)
        return self.decoder.prefill(x, rotation, state.decoder)
