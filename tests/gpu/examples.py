"""Random examples of the task of a spec, with lengths that a test chooses."""

from collections.abc import Sequence

import numpy as np

from compiler.spec.spec import Spec
from compiler.spec.training import MaskedTokens
from runtime.data.batches import Examples
from runtime.data.pairs import Pairs
from runtime.data.sentences import Sentences
from runtime.data.symbols import END
from runtime.data.text_pairs import TextPairs
from runtime.data.texts import Documents, LabelledTexts, MaskedTexts

FIRST_WORD = 6
"""The first number that is no special symbol."""


def sentences(lengths: Sequence[int], rows: int, seed: int) -> Sentences:
    """Return random sentences of these lengths, END included, over a vocabulary."""
    ends = np.cumsum(np.asarray(lengths, dtype=np.int64))
    tokens = np.random.default_rng(seed).integers(FIRST_WORD, rows, ends[-1]).astype(np.int32)
    tokens[ends - 1] = END
    return Sentences.of(tokens, ends)


def examples(spec: Spec, sources: Sequence[int], targets: Sequence[int]) -> Examples:
    """Return examples of a spec's task; texts of other tasks than translation have `targets`."""
    sizes = spec.model.vocabulary
    if spec.task == "translation":
        rows = (sizes.size or sizes.source, sizes.size or sizes.target)
        assert rows[0] is not None
        assert rows[1] is not None
        return Pairs(sources=sentences(sources, rows[0], 0), targets=sentences(targets, rows[1], 1))
    assert sizes.size is not None
    if spec.task == "embedding":
        sides = (sentences(sources, sizes.size, 0), sentences(targets, sizes.size, 1))
        return TextPairs(sources=sides[0], targets=sides[1])
    texts = sentences(targets, sizes.size, 1)
    if spec.task == "language_model":
        return Documents(pieces=texts)
    if spec.task == "masked_language_model":
        masked = spec.training.masking or MaskedTokens()
        return MaskedTexts(texts=texts, masking=masked, vocabulary=sizes.size)
    assert spec.model.classifier is not None
    labels = np.arange(len(targets)) % spec.model.classifier.classes
    return LabelledTexts(texts=texts, labels=labels)
