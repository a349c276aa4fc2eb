"""Text that must not say things twice, beside Hugging Face's processors of logits."""

import pytest
import torch

from compiler.spec.decoding import BeamSearch
from runtime.data.symbols import END, PADDING
from runtime.inference.repetition import Repetition, keep_an_end

VOCABULARY = 9


def texts(length: int, seed: int) -> torch.Tensor:
    """[40, length] of few different tokens, so that they come again."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(END + 1, END + 3, (40, length), generator=generator)


def logits(seed: int) -> torch.Tensor:
    return torch.randn(40, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 3


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 20])
def test_ngrams_are_those_of_hugging_face(n: int, length: int) -> None:
    from transformers import NoRepeatNGramLogitsProcessor

    text, scores = texts(length, n), logits(length)
    expected = NoRepeatNGramLogitsProcessor(n)(text, scores.clone())
    expected[:, PADDING] = scores[:, PADDING] = -torch.inf
    Repetition(n, None).forbid(scores, text)
    assert torch.equal(scores, expected)
    if n < length:
        assert scores.isneginf().sum() > len(scores), "some token is forbidden"


@pytest.mark.parametrize("penalty", [0.5, 1.2, 4.0])
@pytest.mark.parametrize("length", [0, 1, 6])
def test_the_penalty_is_that_of_hugging_face(penalty: float, length: int) -> None:
    from transformers import RepetitionPenaltyLogitsProcessor

    text, scores = texts(length, 1), logits(2)
    expected = RepetitionPenaltyLogitsProcessor(penalty)(text, scores.clone())
    found = Repetition(None, penalty).penalize(scores, text)
    assert torch.equal(found, expected)
    assert torch.equal(found, scores) == (length == 0)


@pytest.mark.quick
def test_an_end_is_left_where_nothing_else_is() -> None:
    scores = torch.full((2, VOCABULARY), -torch.inf)
    scores[1, 5] = -2.0
    keep_an_end(scores, torch.tensor([-7.0, -7.0]))
    assert scores[0, END] == -7.0
    assert scores[1, END] == -torch.inf


@pytest.mark.quick
def test_what_bounds_nothing_costs_nothing() -> None:
    assert Repetition.of(BeamSearch()) is None
    assert Repetition.of(BeamSearch(repetition_penalty=1.0)) is None
    assert Repetition.of(BeamSearch(no_repeat_ngram=3)) == Repetition(3, None)
