"""Padded batches of few shapes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.data.batches import Batcher, Examples, batches, in_order
from runtime.data.buckets import MOST, Buckets
from runtime.data.pairs import Pairs
from runtime.data.sentences import Indices
from runtime.data.symbols import PADDING
from tests.support.lengths import news, short_captions

pytestmark = pytest.mark.quick

MakePairs = Callable[..., Pairs]
Shape = tuple[int, ...]

length = st.integers(1, 20)
corpora = st.lists(st.tuples(length, length), min_size=1, max_size=60)


def shape(examples: Examples, batcher: Batcher, rows: Indices) -> Shape:
    inputs = batcher.lay_out(examples.joined(rows)).inputs
    assert all(isinstance(each, np.ndarray) for each in inputs)
    return len(inputs[0]), *(each.shape[1] for each in inputs)  # type: ignore[union-attr]


def shapes(examples: Examples, buckets: Buckets, found: list[Indices]) -> set[Shape]:
    """Return the shapes of the shares that all processes have of these batches."""
    parts = [rows[part :: buckets.parts] for rows in found for part in range(buckets.parts)]
    return {shape(examples, buckets, rows) for rows in parts if len(rows)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpora, st.integers(20, 200), st.integers(1, 5), st.integers(1, 3))
def test_every_example_is_in_one_batch_of_one_of_the_shapes(
    make_pairs: MakePairs, corpus: list[tuple[int, int]], tokens: int, epoch: int, parts: int
) -> None:
    pairs = make_pairs(*map(list, zip(*corpus, strict=True)))
    buckets = Buckets.of(pairs, pairs, tokens=tokens, parts=parts)
    assert (buckets.rows * buckets.columns.max(axis=1) <= tokens).all()
    known = set(map(tuple, buckets.shapes.tolist()))
    trained, looks = batches(pairs, buckets, seed=1, epoch=epoch), in_order(pairs, buckets.share)
    for batcher, found in ((buckets, trained), (buckets.share, looks)):
        assert sorted(np.concatenate(found).tolist()) == list(range(len(corpus)))
        assert shapes(pairs, batcher, found) <= known


@pytest.mark.parametrize(
    ("train", "tokens", "parts", "least"),
    [
        (short_captions(), 4096, 1, 0.90),
        (short_captions(), 25_000, 1, 0.82),
        (short_captions(), 4096, 8, 0.87),
        (news(), 25_000, 1, 0.87),
    ],
)
def test_a_training_has_few_shapes_and_little_padding(
    train: Pairs, tokens: int, parts: int, least: float
) -> None:
    """All epochs and all validations together."""
    valid = short_captions(1000, seed=2) if train.sizes.max() < 60 else news(1000, seed=2)
    buckets = Buckets.of(train, valid, tokens=tokens, parts=parts)
    seen = shapes(valid, buckets.share, in_order(valid, buckets.share))
    for epoch in (1, 2, 3):
        found = batches(train, buckets, seed=1, epoch=epoch)
        shares = [rows[part::parts] for rows in found for part in range(parts)]
        laid_out = [shape(train, buckets, rows) for rows in shares if len(rows)]
        places = sum(rows * sum(columns) for rows, *columns in laid_out)
        seen |= set(laid_out)
        assert sum(int(each.sum()) for each in train.lengths) / places >= least
    assert len(seen) <= MOST


def test_an_epoch_has_equally_many_batches_in_another_order() -> None:
    train = short_captions(3000)
    buckets = Buckets.of(train, train, tokens=1000)
    first, second = (batches(train, buckets, seed=1, epoch=epoch) for epoch in (1, 2))
    assert len(first) == len(second)
    assert {frozenset(rows.tolist()) for rows in first} != {
        frozenset(rows.tolist()) for rows in second
    }
    again = batches(train, buckets, seed=1, epoch=1)
    assert [rows.tolist() for rows in again] == [rows.tolist() for rows in first]


def test_rows_without_an_example_are_padding_and_have_no_label(make_pairs: MakePairs) -> None:
    pairs = make_pairs([2, 4, 1], [3, 1, 5])
    buckets = Buckets(tokens=24, columns=np.array([[4, 6]]), rows=np.array([4]))
    batch = buckets.lay_out(pairs.joined(np.array([2, 0])))
    plain = pairs.collate(np.array([2, 0]))
    for large, small in zip(batch.inputs, plain.inputs, strict=True):
        assert isinstance(large, np.ndarray)
        assert isinstance(small, np.ndarray)
        rows, columns = small.shape
        assert (large[:rows, :columns] == small).all()
        assert (large == PADDING).sum() == large.size - small.size + (small == PADDING).sum()
    assert [each.shape for each in batch.inputs] == [(4, 4), (4, 6)]  # type: ignore[union-attr]
    assert batch.labels.tolist() == plain.labels.tolist()
    assert (batch.places // 6).tolist() == (plain.places // 5).tolist()
    assert (batch.places % 6).tolist() == (plain.places % 5).tolist()


def test_there_are_buckets_for_a_text_of_which_nothing_fits(make_pairs: MakePairs) -> None:
    """A text that is evaluated may be one; each example is a batch then."""
    pairs = make_pairs([9, 12], [8, 20])
    buckets = Buckets.of(pairs, pairs, tokens=7)
    found = in_order(pairs, buckets)
    assert sorted(rows.tolist() for rows in found) == [[0], [1]]
    assert shapes(pairs, buckets, found) <= set(map(tuple, buckets.shapes.tolist()))
