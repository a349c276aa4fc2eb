"""CTranslate2: a model made of our weights in a temporary folder, in one-thread translators.

It ranks hypotheses as ours does, but ends a search as soon as `beam` of them are finished.
"""

import math
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import ctranslate2
from ctranslate2.specs import TransformerSpec
from ctranslate2.specs.common_spec import Activation
from torch import Tensor

from benchmarks.architecture import Architecture
from benchmarks.engines.engine import Network, Search
from benchmarks.engines.weights import Tensors, load_weights, position_table
from runtime.data.pairs import load_pairs
from runtime.data.sentences import Indices
from runtime.data.symbols import BEGIN, END, NAMES, PADDING

ATTENTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("self_attention", "self_attention", ("query_key_value", "output")),
    ("attention", "cross_attention", ("query", "key_value", "output")),
)
"""Their names, ours, and the parts of each."""


class Decoding:
    """The translators."""

    def __init__(self, network: Network, search: Search) -> None:
        self.search = search
        self.pairs = load_pairs(network.pairs)
        vocabulary = network.architecture.vocabulary
        self.words = [*NAMES, *map(str, range(len(NAMES), vocabulary))]
        self.tokens = {word: token for token, word in enumerate(self.words)}
        with TemporaryDirectory() as folder:
            spec = _model(load_weights(network.weights), network.architecture, self.words)
            spec.save(folder)
            self.translator = ctranslate2.Translator(
                folder,
                device=network.device,
                compute_type=_compute_type(search),
                # The other way round, two threads on one translation, is several times slower.
                inter_threads=search.workers,
                intra_threads=1,
                # A full queue would hold up the caller.
                max_queued_batches=-1,
            )

    def loss(self, batches: Sequence[Indices]) -> float:
        """Plain cross-entropy in nats a target token."""
        rows = [row for batch in batches for row in batch]
        sources = [self._words(self.pairs.source(row)[:-1].tolist()) for row in rows]
        targets = [self._words(self.pairs.target(row)[:-1].tolist()) for row in rows]
        scores = self.translator.score_batch(sources, targets, max_batch_size=64)
        found = [number for score in scores for number in score.log_probs]
        return -math.fsum(found) / len(found)

    def decode(self, sources: Sequence[Sequence[int]]) -> list[list[int]]:
        """The best translation of each sentence."""
        search = self.search
        results = self.translator.translate_batch(
            [self._words(tokens) for tokens in sources],
            max_batch_size=search.batch_sentences,
            batch_type="examples",
            beam_size=search.beam,
            length_penalty=1.0,
            min_decoding_length=max(search.shortest, 1),
            max_decoding_length=search.longest,
            suppress_sequences=[[NAMES[PADDING]], [NAMES[BEGIN]]],
        )
        return [[self.tokens[word] for word in each.hypotheses[0]] for each in results]

    def close(self) -> None:
        """Nothing: the translators are threads."""

    def _words(self, tokens: Sequence[int]) -> list[str]:
        return [self.words[token] for token in tokens]


def _compute_type(search: Search) -> str:
    """Return what it computes in; where other engines have bfloat16, it has float16 on any GPU."""
    if search.is_int8:
        return "int8"
    return "float16" if search.is_bfloat16 else "float32"


def _model(weights: Tensors, architecture: Architecture, words: list[str]) -> Any:
    """The specification of the network, complete, ready to be saved."""
    spec: Any = TransformerSpec.from_config(
        (architecture.encoder_layers, architecture.decoder_layers),
        architecture.heads,
        pre_norm=architecture.pre_norm,
        activation=Activation.RELU,
    )
    _set_stack(spec.encoder, spec.encoder.embeddings[0], "encoder", weights)
    _set_stack(spec.decoder, spec.decoder.embeddings, "decoder", weights)
    spec.decoder.projection.weight = _array(weights["embedding.weight"])
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = NAMES[BEGIN]
    spec.config.eos_token = NAMES[END]
    spec.validate()
    spec.optimize()
    return spec


def _set_stack(stack: Any, embeddings: Any, name: str, weights: Tensors) -> None:
    table = weights["embedding.weight"]
    embeddings.weight = _array(table)
    stack.position_encodings.encodings = position_table(table.size(1)).numpy()
    if hasattr(stack, "layer_norm"):
        _set_norm(stack.layer_norm, f"{name}.norm", weights)
    for number, layer in enumerate(stack.layer):
        _set_layer(layer, f"{name}.layers.{number}", weights)


def _set_layer(layer: Any, name: str, weights: Tensors) -> None:
    for attribute, kind, parts in ATTENTIONS:
        if (attention := getattr(layer, attribute, None)) is not None:
            for linear, part in zip(attention.linear, parts, strict=True):
                _set_linear(linear, f"{name}.{kind}.{part}", weights)
            _set_norm(attention.layer_norm, f"{name}.{kind}_norm", weights)
    _set_linear(layer.ffn.linear_0, f"{name}.feed_forward.hidden", weights)
    _set_linear(layer.ffn.linear_1, f"{name}.feed_forward.output", weights)
    _set_norm(layer.ffn.layer_norm, f"{name}.feed_forward_norm", weights)


def _set_linear(linear: Any, name: str, weights: Tensors) -> None:
    linear.weight = _array(weights[f"{name}.weight"])
    linear.bias = _array(weights[f"{name}.bias"])


def _set_norm(norm: Any, name: str, weights: Tensors) -> None:
    norm.gamma = _array(weights[f"{name}.weight"])
    norm.beta = _array(weights[f"{name}.bias"])


def _array(tensor: Tensor) -> Any:
    return tensor.contiguous().numpy()
