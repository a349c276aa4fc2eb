"""CTranslate2: the export of our weights in a temporary folder, in one-thread translators.

It ranks hypotheses as ours does, but ends a search as soon as `beam` of them are finished.
"""

import math
from collections.abc import Sequence
from tempfile import TemporaryDirectory

import ctranslate2

from benchmarks.engines.engine import Network, Search
from benchmarks.engines.weights import POSITIONS, load_weights
from runtime.data.pairs import load_pairs
from runtime.data.sentences import Indices
from runtime.data.symbols import BEGIN, NAMES, PADDING
from runtime.export.ctranslate2.specification import specification
from runtime.package import load_package


class Decoding:
    """The translators."""

    def __init__(self, network: Network, search: Search) -> None:
        self.search = search
        self.pairs = load_pairs(network.pairs)
        vocabulary = network.architecture.vocabulary
        self.words = [*NAMES, *map(str, range(len(NAMES), vocabulary))]
        self.tokens = {word: token for token, word in enumerate(self.words)}
        with TemporaryDirectory() as folder:
            spec = load_package(network.package).spec
            weights, words = load_weights(network.weights), [self.words, self.words]
            model = specification(spec, weights, words, POSITIONS)
            model.validate()
            model.optimize()
            model.save(folder)
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
