import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.data.batches import Padded, batches, in_order
from runtime.data.pairs import Pairs
from runtime.data.sentences import Sentences
from runtime.data.symbols import BEGIN, END, PADDING
from runtime.errors import UserError

pytestmark = pytest.mark.quick

MakePairs = Callable[..., Pairs]

length = st.integers(1, 20)
corpora = st.lists(st.tuples(length, length), min_size=1, max_size=60)
# The fixture is a function without a state.
relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def cost(pairs: Pairs, rows: np.ndarray) -> int:
    """The larger of the two matrices [batch, longest], in tokens."""
    return max(read.size for read in pairs.collate(rows).inputs)


@relaxed
@given(corpora, st.integers(1, 200), st.integers(0, 5), st.integers(1, 5))
def test_batches_hold_every_fitting_pair_once_and_are_not_too_large(
    make_pairs: MakePairs, corpus: list[tuple[int, int]], tokens: int, seed: int, epoch: int
) -> None:
    pairs = make_pairs(*map(list, zip(*corpus, strict=True)))
    fitting = [number for number, pair in enumerate(corpus) if max(pair) <= tokens]
    if not fitting:
        with pytest.raises(UserError, match="no training pair fits into a batch"):
            batches(pairs, Padded(tokens=tokens), seed=seed, epoch=epoch)
        return
    found = batches(pairs, Padded(tokens=tokens), seed=seed, epoch=epoch)
    assert sorted(np.concatenate(found).tolist()) == fitting
    assert all(cost(pairs, rows) <= tokens for rows in found)


@relaxed
@given(corpora, st.integers(1, 200))
def test_in_order_holds_every_pair_once(
    make_pairs: MakePairs, corpus: list[tuple[int, int]], tokens: int
) -> None:
    pairs = make_pairs(*map(list, zip(*corpus, strict=True)))
    found = in_order(pairs, Padded(tokens=tokens))
    sizes = pairs.sizes[np.concatenate(found)]
    assert sorted(np.concatenate(found).tolist()) == list(range(len(corpus)))
    assert (np.diff(sizes) >= 0).all()
    assert all(cost(pairs, rows) <= tokens or len(rows) == 1 for rows in found)


def as_lists(found: list[np.ndarray]) -> list[list[int]]:
    return [rows.tolist() for rows in found]


def test_the_order_is_a_function_of_seed_and_epoch(make_pairs: MakePairs) -> None:
    lengths = [2 + number % 7 for number in range(200)]
    pairs = make_pairs(lengths, lengths[::-1])

    def order(seed: int, epoch: int) -> list[list[int]]:
        return as_lists(batches(pairs, Padded(tokens=40), seed=seed, epoch=epoch))

    orders = [order(seed, epoch) for seed in (1, 2) for epoch in (1, 2)]
    assert order(1, 1) == orders[0]
    assert all(one != other for number, one in enumerate(orders) for other in orders[:number])
    contents = [{frozenset(rows) for rows in found} for found in orders]
    assert contents[0] != contents[1], "the pairs of a batch must not be the same in every epoch"


def test_the_order_is_the_same_everywhere(make_pairs: MakePairs) -> None:
    """Resumed runs and other machines depend on it: this test must not be updated lightly."""
    pairs = make_pairs([3, 5, 3, 4, 5, 3, 4, 9, 3, 5], [3, 4, 3, 5, 5, 2, 4, 1, 3, 5])
    found = as_lists(batches(pairs, Padded(tokens=10), seed=7, epoch=2))
    assert found == [[7], [8, 0, 5], [2, 6], [3, 4], [1, 9]]


def test_equal_lengths_share_batches(make_pairs: MakePairs) -> None:
    lengths = [2, 30] * 100
    found = batches(make_pairs(lengths, lengths), Padded(tokens=60), seed=1, epoch=1)
    assert sorted(map(len, found)) == [2] * 50 + [10] + [30] * 3


def test_collate(make_pairs: MakePairs) -> None:
    pairs = make_pairs([2, 4, 1], [3, 1, 5])
    batch = pairs.collate(np.array([2, 0]))
    source, read = batch.inputs
    assert source.tolist() == [[END, PADDING], [1000, END]]
    assert read.tolist() == [
        [BEGIN] + [100_002] * 4,
        [BEGIN] + [100_000] * 2 + [PADDING] * 2,
    ]
    assert batch.places.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert batch.labels.tolist() == [*[100_002] * 4, END, *[100_000] * 2, END]
    assert pairs.count_labels(np.array([2, 0])) == 8
    arrays = (*batch.inputs, batch.places, batch.labels)
    assert {array.dtype.name for array in arrays} == {"int64"}


def test_many_pairs_take_less_than_a_second() -> None:
    draw = np.random.default_rng(0)
    lengths = [draw.integers(2, 60, 640_000) for _ in range(2)]
    nothing = np.zeros(0, dtype=np.int32)
    pairs = Pairs(
        sources=Sentences.of(nothing, np.cumsum(lengths[0])),
        targets=Sentences.of(nothing, np.cumsum(lengths[1])),
    )
    start = time.process_time()
    batches(pairs, Padded(tokens=4096), seed=1, epoch=1)
    assert time.process_time() - start < 1.0
