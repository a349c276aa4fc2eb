"""Hugging Face transformers: MarianMTModel, or its twin with norms before the sub-layers, Pegasus.

Attention by `scaled_dot_product_attention`. Marian's own positions have all sines first; both
classes keep them in a table of the state dict, which gets the paper's order here.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    MarianConfig,
    MarianMTModel,
    PegasusConfig,
    PegasusForConditionalGeneration,
)
from transformers.utils import logging

from benchmarks.architecture import Architecture
from benchmarks.engines.engine import AttentionForm, Network, Practice, Search
from benchmarks.engines.peer import Peer
from benchmarks.engines.pool import Pool, length_batches
from benchmarks.engines.weights import (
    POSITIONS,
    Tensors,
    final_norms,
    load_weights,
    position_table,
    renamed_layers,
)
from runtime.data.sentences import Indices
from runtime.data.symbols import BEGIN, END, PADDING

logging.set_verbosity_error()

NAMES = {
    "self_attention.query_key_value": (
        "self_attn.q_proj.{kind}",
        "self_attn.k_proj.{kind}",
        "self_attn.v_proj.{kind}",
    ),
    "self_attention.output": ("self_attn.out_proj.{kind}",),
    "self_attention_norm": ("self_attn_layer_norm.{kind}",),
    "cross_attention.query": ("encoder_attn.q_proj.{kind}",),
    "cross_attention.key_value": ("encoder_attn.k_proj.{kind}", "encoder_attn.v_proj.{kind}"),
    "cross_attention.output": ("encoder_attn.out_proj.{kind}",),
    "cross_attention_norm": ("encoder_attn_layer_norm.{kind}",),
    "feed_forward.hidden": ("fc1.{kind}",),
    "feed_forward.output": ("fc2.{kind}",),
    "feed_forward_norm": ("final_layer_norm.{kind}",),
}


def build(network: Network, attention: AttentionForm = "fused") -> Any:
    """The network with our weights, in evaluation mode."""
    architecture = network.architecture
    settings = _settings(architecture)
    settings["attn_implementation"] = "sdpa" if attention == "fused" else "eager"
    model: Any = (
        PegasusForConditionalGeneration(PegasusConfig(**settings))
        if architecture.pre_norm
        else MarianMTModel(MarianConfig(**settings))
    )
    model.load_state_dict(_state(load_weights(network.weights), architecture))
    return model.eval()


def _settings(architecture: Architecture) -> dict[str, Any]:
    return {
        "vocab_size": architecture.vocabulary,
        "d_model": architecture.d_model,
        "encoder_layers": architecture.encoder_layers,
        "decoder_layers": architecture.decoder_layers,
        "encoder_attention_heads": architecture.heads,
        "decoder_attention_heads": architecture.heads,
        "encoder_ffn_dim": architecture.d_ff,
        "decoder_ffn_dim": architecture.d_ff,
        "activation_function": "relu",
        "dropout": architecture.dropout,
        "attention_dropout": architecture.attention_dropout,
        "activation_dropout": 0.0,
        "max_position_embeddings": POSITIONS,
        "scale_embedding": True,
        "tie_word_embeddings": True,
        "pad_token_id": PADDING,
        "eos_token_id": END,
        "decoder_start_token_id": BEGIN,
        "forced_eos_token_id": None,
    }


def _state(weights: Tensors, architecture: Architecture) -> Tensors:
    """Ours by their names, all of them."""
    table, positions = weights["embedding.weight"], position_table(architecture.d_model)
    tied = ("model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head")
    return {
        **{f"{name}.weight": table for name in tied},
        **{f"model.{stack}.embed_positions.weight": positions for stack in ("encoder", "decoder")},
        **renamed_layers(weights, NAMES, "model.{}.layers.{}.".format),
        **final_norms(weights, "model.{stack}.layer_norm.{kind}"),
        "final_logits_bias": torch.zeros(1, architecture.vocabulary),
    }


class Training(Peer):
    """The model in training."""

    def __init__(self, network: Network, practice: Practice) -> None:
        super().__init__(build(network, practice.attention), network, practice)

    def logits(self, source: Tensor, target: Tensor, is_real: Tensor | None) -> Tensor:
        """-> [batch, target, vocabulary]"""
        output = self.model(
            input_ids=source, attention_mask=is_real, decoder_input_ids=target, use_cache=False
        )
        logits: Tensor = output.logits
        return logits


class Decoding:
    """`generate`, in one-thread processes that share the batches; on a GPU in this one."""

    def __init__(self, network: Network, search: Search) -> None:
        self.network, self.search = network, search
        self.pool = Pool(search.workers, _Generator, network, search)

    def loss(self, batches: Sequence[Indices]) -> float:
        """Plain cross-entropy in nats a target token."""
        return Training(self.network, Practice()).loss(batches)

    def decode(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """The best translation of each sentence."""
        batches = length_batches(sources, self.search.batch_sentences)
        translated = self.pool.map([[sources[row] for row in batch] for batch in batches])
        results: list[list[int]] = [[]] * len(sources)
        for batch, outputs in zip(batches, translated, strict=True):
            for row, output in zip(batch, outputs, strict=True):
                results[row] = output
        return results

    def close(self) -> None:
        """Ends the processes."""
        self.pool.close()


class _Generator:
    """`generate` for one batch at a time."""

    def __init__(self, network: Network, search: Search) -> None:
        self.device = torch.device(network.device)
        self.model = build(network).to(self.device)
        # These two are never chosen in ours; here their logits get this bias in any case.
        self.model.final_logits_bias[:, [PADDING, BEGIN]] = -torch.inf
        if search.is_bfloat16:
            self.model.bfloat16()
        self.settings = _generation(search)

    @torch.inference_mode()
    def __call__(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        rows = [torch.tensor([*tokens, END]) for tokens in sources]
        source = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)
        source = source.to(self.device)
        output = self.model.generate(
            source, attention_mask=source.ne(PADDING), generation_config=self.settings
        )
        return [_until_end(row) for row in output[:, 1:].tolist()]


def _generation(search: Search) -> GenerationConfig:
    of_beams = {"early_stopping": search.stops_early, "length_penalty": 1.0}
    return GenerationConfig(
        do_sample=False,
        num_beams=search.beam,
        max_new_tokens=search.longest,
        min_new_tokens=search.shortest,
        pad_token_id=PADDING,
        eos_token_id=END,
        decoder_start_token_id=BEGIN,
        **(of_beams if search.beam > 1 else {}),
    )


def _until_end(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens
