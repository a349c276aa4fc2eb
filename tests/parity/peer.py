"""Other people's models as the parity tests ask them: small, seeded, every weight moved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

PADDING, BEGIN, END = 0, 2, 3
SYMBOLS = {"pad_token_id": PADDING, "bos_token_id": BEGIN, "eos_token_id": END}
"""Where our vocabularies have them, in the words of `transformers`."""
SMALL = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    **SYMBOLS,
}
"""The sizes of a small encoder or decoder, in the words of most configurations."""
SMALL_PAIR = {
    "vocab_size": 40,
    "d_model": 16,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 32,
    "decoder_start_token_id": BEGIN,
    **SYMBOLS,
}
"""The sizes of a small encoder-decoder, in the words of BART's configuration."""
SMALL_T5 = {
    "vocab_size": 40,
    "d_model": 16,
    "d_kv": 6,
    "d_ff": 24,
    "num_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 16,
    "initializer_factor": 0.3,
    "tie_word_embeddings": False,
    "decoder_start_token_id": BEGIN,
    **SYMBOLS,
}
"""The sizes of a small encoder-decoder, in the words of T5's configuration."""
SMALL_LATENT = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 24,
    "num_attention_heads": 4,
    "moe_intermediate_size": 12,
    "n_routed_experts": 8,
    "num_experts_per_tok": 3,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 6,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    **SYMBOLS,
}
"""The sizes of a small decoder with latent attention and experts, in the words of DeepSeek's."""
BIASES = ("final_logits_bias", "e_score_correction_bias", "expert_bias")
"""Biases that learn by no gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Its weights, and (text [batch, position]) -> logits; with a second text where it translates,

    with the segments of the text where it has some.
    """

    tensors: dict[str, Tensor]
    logits: Callable[..., Tensor]


def peer_of(architecture: Any, config: Any) -> Peer:
    """A model of `transformers` with weights at random; nothing is downloaded."""
    torch.manual_seed(0)
    config._attn_implementation = "eager"  # the only one that knows soft caps
    model = architecture(config).eval()
    shake(model)

    second = "decoder_input_ids" if config.is_encoder_decoder else "token_type_ids"

    def logits(text: Tensor, *others: Tensor) -> Tensor:
        mask = (text != PADDING).long()
        given = dict(zip((second,), others, strict=False))
        return model(input_ids=text, attention_mask=mask, return_dict=True, **given).logits

    return Peer(tensors=model.state_dict(), logits=logits)


def shake(model: nn.Module) -> None:
    """Moves every weight: in a new model norms and biases are all alike, and could be exchanged.

    What is not trained is fixed by a formula, but for biases of Marian, BART and routers.
    """
    generator = torch.Generator().manual_seed(7)
    trained = [each for each in model.parameters() if each.requires_grad]
    fixed = [*model.named_buffers(), *model.named_parameters()]
    biases = [each for name, each in fixed if name.rpartition(".")[2] in BIASES]
    with torch.no_grad():
        for weight in trained + biases:
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
