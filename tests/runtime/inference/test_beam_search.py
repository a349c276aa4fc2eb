"""Beam search against a slow, plain one that knows no cache, no batch and no early end."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.spec.decoding import BeamSearch, Decoding
from runtime.data.symbols import BEGIN, END, PADDING, UNKNOWN
from runtime.inference.beam_search import Hypothesis
from runtime.inference.ends import Ends
from runtime.inference.network import NotFinite
from tests.support.plain_search import next_token_scores, plain_search
from tests.support.search import beam_search

Build = Callable[..., Any]

RARE_END = {END: -1.0}

DECODINGS = [
    BeamSearch(beam=1, length_penalty=6.0),
    BeamSearch(beam=2, length_penalty=0.6),
    BeamSearch(beam=4, length_penalty=0.6),
    BeamSearch(beam=4, length_penalty=1.0, normalization="length"),
    BeamSearch(beam=5, length_penalty=0.0),
    BeamSearch(beam=3, length_penalty=2.0),
    BeamSearch(beam=3, length_penalty=0.6, min_length=5),
    BeamSearch(beam=4, length_penalty=0.6, stop="certain"),
    BeamSearch(beam=3, length_penalty=2.0, stop="certain"),
    BeamSearch(beam=1, no_repeat_ngram=1),
    BeamSearch(beam=4, no_repeat_ngram=1, min_length=5),
    BeamSearch(beam=3, no_repeat_ngram=2),
    BeamSearch(beam=4, no_repeat_ngram=3, stop="certain"),
    BeamSearch(beam=1, repetition_penalty=3.0),
    BeamSearch(beam=4, repetition_penalty=1.3, length_penalty=1.0),
    BeamSearch(beam=3, repetition_penalty=0.5),
    BeamSearch(beam=3, repetition_penalty=1.7, no_repeat_ngram=2, min_length=4),
]


def sources(vocabulary: int, lengths: list[int], seed: int = 0) -> Tensor:
    """Random sentences, END at the end of each."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.zeros(len(lengths), max(lengths) + 1, dtype=torch.int64)
    for row, length in zip(rows, lengths, strict=True):
        row[:length] = torch.randint(END + 1, vocabulary, (length,), generator=generator)
        row[length] = END
    return rows


def unpadded(row: Tensor) -> list[int]:
    return [token for token in row.tolist() if token != PADDING]


def assert_same(found: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert [each.tokens for each in found] == [each.tokens for each in expected]
    assert [each.score for each in found] == pytest.approx(
        [each.score for each in expected], abs=1e-4
    )


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_plain_search(tiny_model: Build, decoding: Decoding, seed: int) -> None:
    model = tiny_model(seed=seed, bias=RARE_END)
    source = sources(13, [3, 7, 0, 5, 1, 6], seed)
    limits = [6, 9, 4, 8, 12, 3]
    n_best = min(decoding.beam, 3)
    results = beam_search(model, source, limits, decoding, n_best=n_best)
    for row, limit, found in zip(source, limits, results, strict=True):
        assert_same(found, plain_search(model, unpadded(row), limit, decoding, n_best))


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
def test_equals_the_plain_search_after_a_prefix(tiny_model: Build, decoding: Decoding) -> None:
    model = tiny_model(seed=4, bias=RARE_END)
    source, limits = sources(13, [3, 7, 5]), [6, 9, 2]
    prefixes = [[5, 6, 5], [4, 4, 4], [12, 7, 9]]
    n_best = min(decoding.beam, 3)
    results = beam_search(
        model, source, limits, decoding, n_best=n_best, prefix=torch.tensor(prefixes)
    )
    for row, limit, prefix, found in zip(source, limits, prefixes, results, strict=True):
        expected = plain_search(model, unpadded(row), limit, decoding, n_best, prefix)
        assert_same(found, expected)


@pytest.mark.parametrize("decoding", DECODINGS, ids=str)
@pytest.mark.parametrize("others", [(12,), (5, 9, 12)], ids=str)
def test_equals_the_plain_search_with_several_ends(
    tiny_model: Build, decoding: Decoding, others: tuple[int, ...]
) -> None:
    """Also of a beam whose best candidates are all ends, of which each hypothesis has several."""
    model = tiny_model(seed=1, bias=RARE_END)
    source = sources(13, [3, 7, 0, 5, 1, 6], 1)
    limits = [6, 9, 4, 8, 12, 3]
    n_best = min(decoding.beam, 3)
    results = beam_search(model, source, limits, decoding, n_best=n_best, ends=Ends(others))
    alone = beam_search(model, source, limits, decoding, n_best=n_best)
    assert results != alone
    for row, limit, found in zip(source, limits, results, strict=True):
        ending = (END, *others)
        expected = plain_search(model, unpadded(row), limit, decoding, n_best, ending=ending)
        assert_same(found, expected)
        assert not any(token in others for each in found for token in each.tokens)


def test_equals_the_plain_search_over_several_blocks(tiny_model: Build) -> None:
    """150 tokens: two whole blocks of 64 and a short one."""
    model = tiny_model(vocabulary=150)
    source = sources(150, [4, 2, 6])
    decoding = BeamSearch(beam=6, length_penalty=0.6)
    results = beam_search(model, source, [8, 8, 8], decoding, n_best=6)
    for row, found in zip(source, results, strict=True):
        assert_same(found, plain_search(model, unpadded(row), 8, decoding, 6))


@pytest.mark.quick
def test_the_searches_of_these_tests_end_in_many_ways(tiny_model: Build) -> None:
    """Otherwise the comparisons above would show little."""
    lengths = set()
    for seed in range(3):
        source = sources(13, [3, 7, 0, 5, 1, 6], seed)
        results = beam_search(tiny_model(seed=seed, bias=RARE_END), source, [12] * 6, DECODINGS[2])
        lengths |= {len(best.tokens) for (best,) in results}
    assert len(lengths) >= 4


def test_a_beam_of_one_takes_the_best_token_until_end(tiny_model: Build) -> None:
    model = tiny_model(seed=1, bias=RARE_END)
    source = sources(13, [3, 7, 5])
    for row, (found,) in zip(
        source, beam_search(model, source, [9] * 3, DECODINGS[0]), strict=True
    ):
        tokens: list[int] = []
        while len(tokens) < 9:
            scores = next_token_scores(model, unpadded(row), [tokens])[0].tolist()
            scores[PADDING] = scores[BEGIN] = -math.inf
            best = max(range(13), key=scores.__getitem__)
            if best == END:
                break
            tokens.append(best)
        assert found.tokens == tuple(tokens)


@pytest.mark.quick
def test_the_other_sentences_of_a_batch_change_nothing(tiny_model: Build) -> None:
    model = tiny_model(seed=2, bias=RARE_END)
    source = sources(13, [2, 9, 4, 4, 0, 6, 8, 1])
    limits = [10, 3, 20, 6, 15, 8, 2, 9]
    together = beam_search(model, source, limits, DECODINGS[2], n_best=4)
    for row, limit, found in zip(source, limits, together, strict=True):
        alone = beam_search(model, torch.tensor([unpadded(row)]), [limit], DECODINGS[2], n_best=4)
        assert_same(found, alone[0])


def test_n_best_is_sorted_and_without_repeats(tiny_model: Build) -> None:
    source = sources(13, [3, 6])
    for found in beam_search(tiny_model(), source, [10, 10], DECODINGS[4], n_best=5):
        scores = [each.score for each in found]
        assert len(found) == 5
        assert scores == sorted(scores, reverse=True)
        assert len({each.tokens for each in found}) == 5


@pytest.mark.quick
def test_more_results_do_not_change_the_best(tiny_model: Build) -> None:
    model, source = tiny_model(seed=1, bias=RARE_END), sources(13, [3, 6, 2])
    one = beam_search(model, source, [10] * 3, DECODINGS[2])
    four = beam_search(model, source, [10] * 3, DECODINGS[2], n_best=4)
    for best, several in zip(one, four, strict=True):
        assert_same(best, several[:1])


@pytest.mark.quick
def test_no_translation_is_longer_than_its_limit(tiny_model: Build) -> None:
    model = tiny_model(bias={END: -50.0})
    limits = [0, 1, 7, 4]
    results = beam_search(model, sources(13, [3, 3, 3, 3]), limits, DECODINGS[5])
    assert all(len(best.tokens) <= limit for (best,), limit in zip(results, limits, strict=True))
    assert [len(best.tokens) for (best,) in results] == limits


@pytest.mark.quick
def test_padding_and_begin_are_never_chosen(tiny_model: Build) -> None:
    model = tiny_model(bias={PADDING: 10.0, BEGIN: 10.0})
    (found,) = beam_search(model, sources(13, [4]), [8], DECODINGS[4], n_best=5)
    assert not {PADDING, BEGIN} & {token for each in found for token in each.tokens}


@pytest.mark.quick
def test_a_beam_wider_than_the_vocabulary(tiny_model: Build) -> None:
    model = tiny_model(vocabulary=7)
    source = sources(7, [3, 1])
    decoding = BeamSearch(beam=9, length_penalty=0.6)
    results = beam_search(model, source, [3, 5], decoding, n_best=9)
    for row, limit, found in zip(source, [3, 5], results, strict=True):
        assert_same(found, plain_search(model, unpadded(row), limit, decoding, 9))


@pytest.mark.quick
def test_finished_sentences_leave_the_batch(tiny_model: Build) -> None:
    model = tiny_model()
    sizes = []
    step = model.step

    def counting_step(token: Tensor, parent: Tensor, state: Any) -> Tensor:
        sizes.append(token.size(0))
        return step(token, parent, state)

    model.step = counting_step
    beam_search(model, sources(13, [3] * 10), [1] * 6 + [4] * 3 + [12], DECODINGS[0])
    assert sizes[0] == 10
    assert sizes[-1] < 10
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.quick
def test_misuse_is_refused(tiny_model: Build) -> None:
    model, source = tiny_model(), sources(13, [3])
    with pytest.raises(ValueError, match="from 1 to the beam of 2, got 3"):
        beam_search(model, source, [5], DECODINGS[1], n_best=3)
    with pytest.raises(ValueError, match="evaluation mode"):
        beam_search(model.train(), source, [5], DECODINGS[1])


@pytest.mark.parametrize("beam", [1, 4])
def test_ngrams_that_leave_nothing_but_an_end(tiny_model: Build, beam: int) -> None:
    """No token twice: END comes, in spite of a least length, when all are used."""
    model = tiny_model(bias={END: -50.0})
    decoding = BeamSearch(beam=beam, no_repeat_ngram=1, min_length=20)
    ((found,),) = beam_search(model, sources(13, [4]), [30], decoding)
    assert sorted(found.tokens) == [UNKNOWN, *range(END + 1, 13)]
    assert math.isfinite(found.score)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("when", [0, 3])
def test_numbers_that_are_not_finite_end_a_search(tiny_model: Build, bad: float, when: int) -> None:
    """The row is that of the batch as it was given, whichever sentences have left it since."""
    model = tiny_model(seed=1, bias={END: -50.0})
    project, step, rows = model.project, model.step, list[int]()

    def counted(token: Tensor, parent: Tensor, state: Any) -> Tensor:
        rows.append(token.size(0))
        return step(token, parent, state)

    def overflowing(features: Tensor) -> Tensor:
        logits: Tensor = project(features)
        if len(rows) > when:
            logits[-1, ..., 5] = bad
        return logits

    model.step, model.project = counted, overflowing
    with pytest.raises(NotFinite) as caught:
        beam_search(model, sources(13, [3, 3, 3, 3]), [1, 9, 9, 9], DECODINGS[2])
    assert caught.value.row == 3
    assert len(rows) == when + 1
    assert (rows[-1] < 4) == (when > 1)
