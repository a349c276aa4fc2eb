"""A small MarianMTModel with weights at random; nothing is downloaded."""

import pytest
import torch
from torch import Tensor

from tests.parity.peer import Peer, shake

transformers = pytest.importorskip("transformers")


def build() -> Peer:
    torch.manual_seed(0)
    model = transformers.MarianMTModel(
        transformers.MarianConfig(
            vocab_size=40,
            d_model=16,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=24,
            decoder_ffn_dim=24,
            max_position_embeddings=32,
            activation_function="relu",
            scale_embedding=True,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=3,
            decoder_start_token_id=2,
            forced_eos_token_id=3,
        )
    ).eval()
    shake(model)
    model.final_logits_bias.normal_()

    def logits(source: Tensor, target: Tensor) -> Tensor:
        mask = (source != 0).long()
        found = model(input_ids=source, attention_mask=mask, decoder_input_ids=target)
        return found.logits

    return Peer(tensors=model.state_dict(), logits=logits)
