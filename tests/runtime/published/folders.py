"""Folders as `save_pretrained` writes them: every family, tiny, with a tokenizer of its kind."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.corpus import pairs
from tests.parity.peer import shake

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

models, trainers, decoders = tokenizers.models, tokenizers.trainers, tokenizers.decoders
pre_tokenizers, normalizers = tokenizers.pre_tokenizers, tokenizers.normalizers
POSITIONS = 96


@cache
def lines() -> tuple[str, ...]:
    """Return 1,000 lines of the demo corpus, of both languages."""
    found = [text for pair in islice(pairs(seed=5), 500) for text in (pair.english, pair.german)]
    return tuple(found)


@cache
def byte_level(*special: str) -> Any:
    """Return a byte-level BPE, as GPT-2, BART and Qwen have it."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return _trained(
        backend, trainers.BpeTrainer(vocab_size=330, initial_alphabet=alphabet, **_of(special))
    )


@cache
def word_piece() -> Any:
    """Return a WordPiece, as BERT has it, whose symbols are not the first tokens."""
    special = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    backend = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    return _trained(backend, trainers.WordPieceTrainer(vocab_size=200, **_of(special)))


@cache
def unigram(*special: str) -> Any:
    """Return a unigram model, as T5, Marian and XLM-RoBERTa have it."""
    backend = tokenizers.Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    return _trained(
        backend, trainers.UnigramTrainer(vocab_size=200, unk_token="<unk>", **_of(special))
    )


@cache
def fallback(*special: str) -> Any:
    """Return a BPE that falls back to bytes, as Llama, Mistral and Gemma have it."""
    backend = tokenizers.Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    space = normalizers.Replace(" ", "▁")
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space])
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    learned = _trained(backend, trainers.BpeTrainer(vocab_size=200, **_of(special)))
    tree = json.loads(learned.to_str())  # a trainer would make symbols of the bytes
    vocabulary = tree["model"]["vocab"]
    vocabulary |= {f"<0x{each:02X}>": len(vocabulary) + each for each in range(256)}
    return tokenizers.Tokenizer.from_str(json.dumps(tree))


def _of(special: tuple[str, ...]) -> dict[str, Any]:
    return {"special_tokens": list(special), "show_progress": False}


def _trained(backend: Any, trainer: Any) -> Any:
    backend.train_from_iterator(lines(), trainer)
    return backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A family: the class of transformers, its tokenizer, and its configurations."""

    architecture: str
    config: str
    tokenizer: Callable[[], Any]
    fixed: dict[str, Any]
    draw: Callable[[random.Random], dict[str, Any]] = lambda _: {}
    more: int = 0
    """Rows of the table of embeddings that no token of the tokenizer has."""
    before: tuple[str | None, str | None] = (None, None)
    """The token that each source, and each target, begins with."""
    languages: dict[str, str | None] = field(
        default_factory=lambda: {"source": None, "target": None}
    )
    """The languages that are said when it is imported; then targets are made to begin so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A folder, and what was saved there."""

    folder: Path
    model: Any
    tokenizer: Any


def published(name: str, seed: int, place: Path, **keys: Any) -> Published:
    """Write a folder of a family, with a configuration that the seed draws, and these keys."""
    kind, draw = KINDS[name], random.Random(f"{name} {seed}")
    backend = kind.tokenizer()
    given = {"vocab_size": backend.get_vocab_size() + kind.more, **kind.fixed, **kind.draw(draw)}
    given |= keys
    torch.manual_seed(seed)
    config = getattr(transformers, kind.config)(**given)
    config._attn_implementation = "eager"
    model = getattr(transformers, kind.architecture)(config).eval()
    shake(model)
    folder = place / name
    transformers.logging.disable_progress_bar()
    model.save_pretrained(folder)
    backend.save(str(folder / "tokenizer.json"))
    return Published(folder=folder, model=model, tokenizer=backend)


def _decoder(draw: random.Random) -> dict[str, Any]:
    heads = draw.choice([2, 4])
    return {
        "hidden_size": heads * draw.choice([4, 8]),
        "intermediate_size": draw.choice([20, 24, 40]),
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "num_attention_heads": heads,
        "num_key_value_heads": draw.choice([1, 2]),
        "rms_norm_eps": draw.choice([1e-6, 1e-5]),
        "rope_parameters": {"rope_type": "default", "rope_theta": draw.choice([1e4, 5e5])},
        "max_position_embeddings": POSITIONS,
    }


def _tied(draw: random.Random) -> dict[str, Any]:
    return {"tie_word_embeddings": draw.choice([True, False])}


def _llama(draw: random.Random) -> dict[str, Any]:
    llama3 = {
        **{"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0},
        **{"high_freq_factor": 4.0, "original_max_position_embeddings": 32},
    }
    linear = {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}
    yarn = {
        **{
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 4.0,
            "beta_fast": 16.0,
            "beta_slow": 1.0,
        },
        **{"original_max_position_embeddings": 32, "truncate": draw.choice([True, False])},
        **draw.choice([{}, {"attention_factor": 1.25}, {"mscale": 0.7, "mscale_all_dim": 1.0}]),
    }
    plain = {"rope_type": "default", "rope_theta": 1e4}
    return (
        _decoder(draw)
        | _tied(draw)
        | {
            "attention_bias": draw.choice([True, False]),
            "mlp_bias": draw.choice([True, False]),
            "head_dim": draw.choice([4, 6]),
            "rope_parameters": draw.choice([llama3, linear, yarn, plain]),
        }
    )


def _window(draw: random.Random) -> dict[str, Any]:
    return _decoder(draw) | _tied(draw) | {"sliding_window": draw.choice([None, 5, 9])}


def _qwen(draw: random.Random) -> dict[str, Any]:
    window = {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}
    return _decoder(draw) | _tied(draw) | draw.choice([{}, window])


def _experts(draw: random.Random) -> dict[str, Any]:
    """Return a decoder of a small width with three or four experts."""
    return _decoder(draw) | _tied(draw) | {"num_experts_per_tok": draw.choice([1, 2])}


def _mixtral(draw: random.Random) -> dict[str, Any]:
    return _experts(draw) | _window(draw) | {"num_local_experts": draw.choice([3, 4])}


def _qwen_with_experts(draw: random.Random) -> dict[str, Any]:
    own = {
        "num_experts": draw.choice([3, 4]),
        "moe_intermediate_size": 20,
        "norm_topk_prob": draw.choice([True, False]),
    }
    window = draw.choice([{}, {"use_sliding_window": True, "sliding_window": 6}])
    return _experts(draw) | own | window


def _smollm(draw: random.Random) -> dict[str, Any]:
    layers = draw.choice([{}, {"no_rope_layers": [0, 1, 1, 0, 1]}, {"no_rope_layer_interval": 2}])
    return _decoder(draw) | _tied(draw) | {"num_hidden_layers": 5} | layers


def _gemma(draw: random.Random) -> dict[str, Any]:
    return _decoder(draw) | {"head_dim": draw.choice([4, 6])}


def _gemma2(draw: random.Random) -> dict[str, Any]:
    caps = {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}
    none = dict.fromkeys(caps)
    layers = {"num_hidden_layers": draw.choice([3, 4]), "sliding_window": 5}
    return _gemma(draw) | layers | {"query_pre_attn_scalar": 9} | draw.choice([caps, none])


def _gemma3(draw: random.Random) -> dict[str, Any]:
    full = {"rope_type": "linear", "rope_theta": 1e4, "factor": 8.0}
    plain = {"rope_type": "default", "rope_theta": 1e6}
    near = {"rope_type": "default", "rope_theta": 100.0}
    rope = {"full_attention": draw.choice([full, plain]), "sliding_attention": near}
    layers = {"num_hidden_layers": draw.choice([6, 7]), "sliding_window": 5}
    scalar = {"query_pre_attn_scalar": draw.choice([4, 9])}
    return _gemma(draw) | layers | scalar | {"rope_parameters": rope}


def _gpt2(draw: random.Random) -> dict[str, Any]:
    heads = draw.choice([2, 4])
    return {
        "n_embd": heads * draw.choice([4, 8]),
        "n_layer": draw.choice([1, 2, 3]),
        "n_head": heads,
        "n_inner": draw.choice([None, 24]),
        "activation_function": draw.choice(["gelu_new", "relu", "gelu"]),
    }


def _bert(draw: random.Random) -> dict[str, Any]:
    heads = draw.choice([2, 4])
    return {
        "hidden_size": heads * draw.choice([4, 8]),
        "num_hidden_layers": draw.choice([1, 2, 3]),
        "num_attention_heads": heads,
        "intermediate_size": draw.choice([20, 24]),
        "hidden_act": draw.choice(["gelu", "relu", "gelu_new"]),
        "layer_norm_eps": draw.choice([1e-12, 1e-5]),
    }


def _roberta(draw: random.Random) -> dict[str, Any]:
    return _bert(draw) | {"hidden_act": "gelu"}


def _distilbert(draw: random.Random) -> dict[str, Any]:
    own = _bert(draw)
    return {
        "dim": own["hidden_size"],
        "n_layers": own["num_hidden_layers"],
        "n_heads": own["num_attention_heads"],
        "hidden_dim": own["intermediate_size"],
        "activation": draw.choice(["gelu", "relu"]),
    }


def _pair(draw: random.Random) -> dict[str, Any]:
    heads = draw.choice([2, 4])
    return {
        "d_model": heads * draw.choice([4, 8]),
        "encoder_layers": draw.choice([1, 2]),
        "decoder_layers": draw.choice([1, 2]),
        "encoder_attention_heads": heads,
        "decoder_attention_heads": draw.choice([2, heads]),
        "encoder_ffn_dim": draw.choice([20, 24]),
        "decoder_ffn_dim": draw.choice([20, 24]),
        "activation_function": draw.choice(["gelu", "relu", "swish"]),
        "scale_embedding": draw.choice([True, False]),
    }


def _t5(draw: random.Random) -> dict[str, Any]:
    layers = draw.choice([1, 2])
    return {
        "d_model": 16,
        "d_kv": draw.choice([4, 6]),
        "d_ff": draw.choice([20, 24]),
        "num_layers": layers,
        "num_decoder_layers": layers,
        "num_heads": draw.choice([2, 4]),
        "feed_forward_proj": draw.choice(["relu", "gated-gelu", "gated-silu"]),
        "tie_word_embeddings": draw.choice([True, False]),
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 16,
        "initializer_factor": 0.3,
    }


LENGTH = {"max_position_embeddings": POSITIONS}
LLAMA = ("<unk>", "<s>", "</s>")
BOS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}
GEMMA = ("<pad>", "<eos>", "<bos>", "<unk>")
GEMMAS = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
QWEN = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
XLM = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BART = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
FORCED = {"forced_bos_token_id": None, "forced_eos_token_id": None}


def _llamas() -> Any:
    return fallback(*LLAMA)


def _gemmas() -> Any:
    return fallback(*GEMMA)


def _qwens() -> Any:
    return byte_level("<|endoftext|>", "<|im_end|>")


def _xlm() -> Any:
    return unigram(*XLM)


KINDS = {
    "gpt2": Kind(
        architecture="GPT2LMHeadModel",
        config="GPT2Config",
        tokenizer=lambda: byte_level("<|endoftext|>"),
        fixed={"n_positions": POSITIONS, "bos_token_id": 0, "eos_token_id": 0},
        draw=_gpt2,
    ),
    "llama": Kind(
        architecture="LlamaForCausalLM",
        config="LlamaConfig",
        tokenizer=_llamas,
        fixed=BOS,
        draw=_llama,
    ),
    "mistral": Kind(
        architecture="MistralForCausalLM",
        config="MistralConfig",
        tokenizer=_llamas,
        fixed=BOS,
        draw=_window,
    ),
    "qwen2": Kind(
        architecture="Qwen2ForCausalLM",
        config="Qwen2Config",
        tokenizer=_qwens,
        fixed=QWEN,
        draw=_qwen,
        more=7,
    ),
    "qwen3": Kind(
        architecture="Qwen3ForCausalLM",
        config="Qwen3Config",
        tokenizer=_qwens,
        fixed=QWEN | {"head_dim": 6},
        draw=_qwen,
        more=7,
    ),
    "mixtral": Kind(
        architecture="MixtralForCausalLM",
        config="MixtralConfig",
        tokenizer=_llamas,
        fixed=BOS,
        draw=_mixtral,
    ),
    "qwen3_moe": Kind(
        architecture="Qwen3MoeForCausalLM",
        config="Qwen3MoeConfig",
        tokenizer=_qwens,
        fixed=QWEN | {"head_dim": 6},
        draw=_qwen_with_experts,
    ),
    "smollm3": Kind(
        architecture="SmolLM3ForCausalLM",
        config="SmolLM3Config",
        tokenizer=_qwens,
        fixed=QWEN,
        draw=_smollm,
    ),
    "phi3": Kind(
        architecture="Phi3ForCausalLM",
        config="Phi3Config",
        tokenizer=_llamas,
        fixed=BOS | {"pad_token_id": 2},
        draw=_window,
    ),
    "gemma": Kind(
        architecture="GemmaForCausalLM",
        config="GemmaConfig",
        tokenizer=_gemmas,
        fixed=GEMMAS,
        draw=_gemma,
    ),
    "gemma2": Kind(
        architecture="Gemma2ForCausalLM",
        config="Gemma2Config",
        tokenizer=_gemmas,
        fixed=GEMMAS,
        draw=_gemma2,
    ),
    "gemma3": Kind(
        architecture="Gemma3ForCausalLM",
        config="Gemma3TextConfig",
        tokenizer=_gemmas,
        fixed=GEMMAS,
        draw=_gemma3,
    ),
    "olmo2": Kind(
        architecture="Olmo2ForCausalLM",
        config="Olmo2Config",
        tokenizer=_qwens,
        fixed=QWEN,
        draw=lambda draw: _decoder(draw) | _tied(draw),
    ),
    "bert": Kind(
        architecture="BertForMaskedLM",
        config="BertConfig",
        tokenizer=word_piece,
        fixed=LENGTH,
        draw=_bert,
    ),
    "bert-classifier": Kind(
        architecture="BertForSequenceClassification",
        config="BertConfig",
        tokenizer=word_piece,
        fixed=LENGTH | {"id2label": {0: "sad", 1: "glad", 2: "mad"}},
        draw=_bert,
    ),
    "distilbert": Kind(
        architecture="DistilBertForMaskedLM",
        config="DistilBertConfig",
        tokenizer=word_piece,
        fixed=LENGTH,
        draw=_distilbert,
    ),
    "roberta": Kind(
        architecture="RobertaForMaskedLM",
        config="RobertaConfig",
        tokenizer=lambda: byte_level(*XLM),
        fixed={"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1},
        draw=_roberta,
    ),
    "xlm-roberta": Kind(
        architecture="XLMRobertaForSequenceClassification",
        config="XLMRobertaConfig",
        tokenizer=_xlm,
        fixed={"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1},
        draw=_bert,
    ),
    "marian": Kind(
        architecture="MarianMTModel",
        config="MarianConfig",
        tokenizer=lambda: unigram("</s>", "<unk>", "<pad>"),
        fixed=LENGTH
        | {"eos_token_id": 0, "pad_token_id": 2, "decoder_start_token_id": 2}
        | {"forced_eos_token_id": None},
        draw=_pair,
    ),
    "pegasus": Kind(
        architecture="PegasusForConditionalGeneration",
        config="PegasusConfig",
        tokenizer=lambda: unigram("<pad>", "</s>", "<unk>"),
        fixed=LENGTH
        | {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
        | {"forced_eos_token_id": None},
        draw=_pair,
    ),
    "bart": Kind(
        architecture="BartForConditionalGeneration",
        config="BartConfig",
        tokenizer=lambda: byte_level("<s>", "<pad>", "</s>", "<unk>"),
        fixed=LENGTH | BART | {"forced_eos_token_id": None},
        draw=lambda draw: _pair(draw) | {"forced_bos_token_id": draw.choice([None, 0])},
        before=("<s>", "<s>"),
    ),
    "mbart": Kind(
        architecture="MBartForConditionalGeneration",
        config="MBartConfig",
        tokenizer=lambda: unigram("<s>", "<pad>", "</s>", "<unk>", "en_XX", "de_DE"),
        fixed=LENGTH | BART | FORCED,
        draw=_pair,
        before=("en_XX", "de_DE"),
        languages={"source": "en_XX", "target": "de_DE"},
    ),
    "m2m100": Kind(
        architecture="M2M100ForConditionalGeneration",
        config="M2M100Config",
        tokenizer=lambda: unigram("<s>", "<pad>", "</s>", "<unk>", "__de__", "__en__"),
        fixed=LENGTH | BART,
        draw=_pair,
        before=("__en__", "__de__"),
        languages={"source": "en", "target": "de"},
    ),
    "nllb": Kind(
        architecture="M2M100ForConditionalGeneration",
        config="M2M100Config",
        tokenizer=lambda: unigram("<s>", "<pad>", "</s>", "<unk>", "deu_Latn", "eng_Latn"),
        fixed=LENGTH | BART,
        draw=_pair,
        before=("eng_Latn", "deu_Latn"),
        languages={"source": "eng_Latn", "target": "deu_Latn"},
    ),
    "t5": Kind(
        architecture="T5ForConditionalGeneration",
        config="T5Config",
        tokenizer=lambda: unigram("<pad>", "</s>", "<unk>"),
        fixed={"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0},
        draw=_t5,
        more=8,
    ),
}
