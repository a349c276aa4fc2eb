"""Tokenised corpora of every task, of random tokens."""

import numpy as np

from compiler.spec.spec import Spec
from compiler.spec.training import MaskedTokens
from runtime.data.batches import Examples
from runtime.data.pairs import Pairs
from runtime.data.sentences import Sentences
from runtime.data.symbols import END, NAMES_WITH_MASK
from runtime.data.text_pairs import TextPairs
from runtime.data.texts import Documents, LabelledTexts, MaskedTexts


def random_examples(spec: Spec, count: int = 9, longest: int = 12) -> Examples:
    """Return examples of the task of a spec, each side with 2 to `longest` - 1 tokens and END.

    At least one has `longest` tokens, END included.
    """
    draw = np.random.default_rng(count)
    vocabulary = spec.model.vocabulary
    source, target = (
        size or 20
        for size in (
            (vocabulary.size, vocabulary.size)
            if vocabulary.shared
            else (vocabulary.source, vocabulary.target)
        )
    )
    match spec.task:
        case "translation":
            return Pairs(
                sources=_sentences(draw, source, count, longest),
                targets=_sentences(draw, target, count, longest),
            )
        case "embedding":
            return TextPairs(
                sources=_sentences(draw, source, count, longest - 1),
                targets=_sentences(draw, source, count, longest - 1),
            )
        case "language_model":
            return Documents(pieces=_sentences(draw, source, count, longest))
        case "masked_language_model":
            return MaskedTexts(
                texts=_sentences(draw, source, count, longest - 1),
                masking=spec.training.masking or MaskedTokens(),
                vocabulary=source,
            )
    classes = spec.model.classifier.classes if spec.model.classifier else 2
    texts = _sentences(draw, source, count, longest - 1)
    return LabelledTexts(texts=texts, labels=draw.integers(0, classes or 2, count))


def _sentences(draw: np.random.Generator, vocabulary: int, count: int, longest: int) -> Sentences:
    lengths = draw.integers(3, longest, count)
    lengths[count // 2] = longest
    ends = np.cumsum(lengths)
    tokens = draw.integers(len(NAMES_WITH_MASK), vocabulary, ends[-1]).astype(np.int32)
    tokens[ends - 1] = END
    return Sentences.of(tokens, ends)
