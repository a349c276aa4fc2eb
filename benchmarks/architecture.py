"""The networks of the benchmarks: their sizes, as specs and as plain numbers for the peers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from compiler.pipeline import CompiledPackage, compile_spec
from compiler.spec.load import load
from compiler.spec.spec import Spec
from runtime.errors import UserError

REFERENCE = "multi30k-tiny"
"""The spec whose form all sizes have: ReLU, biases, sinusoidal positions, embeddings tied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A size of network, and the padded tokens of a batch that it trains with."""

    layers: int
    d_model: int
    d_ff: int
    heads: int
    batch_tokens: int


SIZES = {
    "tiny": Size(layers=4, d_model=128, d_ff=256, heads=4, batch_tokens=4096),
    "base": Size(layers=6, d_model=512, d_ff=2048, heads=8, batch_tokens=2048),
    "big": Size(layers=6, d_model=1024, d_ff=4096, heads=16, batch_tokens=2048),
}

GPU_BATCH_TOKENS = 25_000
"""For all sizes, as in section 5.1 of Vaswani et al. 2017."""


def compile_size(
    size: Size, *, dropout: float, attention_dropout: float, settings: Sequence[str] = ()
) -> CompiledPackage:
    """The package of a size; `settings` come last, written as `--set` takes them."""
    own = (
        f"model.d_model={size.d_model}",
        f"model.dropout={dropout}",
        f"model.attention.heads={size.heads}",
        f"model.attention.dropout={attention_dropout}",
        f"model.feed_forward.d_ff={size.d_ff}",
        f"model.encoder.layers={size.layers}",
        f"model.decoder.layers={size.layers}",
        f"training.batch_tokens={size.batch_tokens}",
        "training.accumulate=1",
        "training.clip_norm=null",
    )
    return compile_spec(REFERENCE, (*own, *settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A network of the reference's form: what is left to choose, as plain numbers."""

    vocabulary: int
    d_model: int
    d_ff: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    pre_norm: bool
    """Norms before the sub-layers and after each stack; otherwise after the residual sums."""
    dropout: float
    """On the outputs of sub-layers and on the sums of embeddings and positions."""
    attention_dropout: float

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """The numbers of a spec. Raises a UserError if it is of another form."""
        model = spec.model
        if model.encoder is None or model.decoder is None:
            raise UserError(f"the other libraries cannot build {spec.name}", help="they translate")
        (encoder, *_), (decoder, *_) = model.encoder.layers, model.decoder.layers
        attention, feed_forward = encoder.self_attention, encoder.feed_forward
        numbers = cls(
            vocabulary=model.vocabulary.size or 0,
            d_model=model.d_model,
            d_ff=feed_forward.d_ff if feed_forward else 0,
            heads=attention.heads if attention else 0,
            encoder_layers=encoder.repeat,
            decoder_layers=decoder.repeat,
            pre_norm=model.encoder.norm.place == "pre",
            dropout=model.dropout,
            attention_dropout=attention.dropout if attention else 0.0,
        )
        numbers._check(spec)
        return numbers

    @property
    def size(self) -> str:
        """The name of the size that it has, `d_model` where it has none."""
        own = (self.encoder_layers, self.decoder_layers, self.d_model, self.d_ff, self.heads)
        for name, size in SIZES.items():
            if own == (size.layers, size.layers, size.d_model, size.d_ff, size.heads):
                return name
        return f"d_model {self.d_model}"

    def _check(self, spec: Spec) -> None:
        same_form = load(REFERENCE, self._settings()).spec.model
        if spec.model != same_form.model_copy(update={"initialization": spec.model.initialization}):
            raise UserError(
                f"the other libraries cannot build {spec.name}",
                help=f"give a network of the form of {REFERENCE}; its numbers, and the place of "
                "the norms, may be others",
            )

    def _settings(self) -> tuple[str, ...]:
        return (
            f"model.vocabulary.size={self.vocabulary}",
            f"model.d_model={self.d_model}",
            f"model.dropout={self.dropout}",
            f"model.norm.place={'pre' if self.pre_norm else 'post'}",
            f"model.attention.heads={self.heads}",
            f"model.attention.dropout={self.attention_dropout}",
            f"model.feed_forward.d_ff={self.d_ff}",
            f"model.encoder.layers={self.encoder_layers}",
            f"model.decoder.layers={self.decoder_layers}",
        )
