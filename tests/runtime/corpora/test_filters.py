"""Filters by their own words: every pair that is read is dropped for one reason, or kept."""

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.corpora.filters import REASONS, Filters, HashSet, Row, Sieve

pytestmark = pytest.mark.quick

SIDES = st.lists(st.sampled_from(["a", "b"]), max_size=6).map(" ".join)
ROWS = st.lists(st.tuples(SIDES, SIDES), max_size=40)
FILTERS = st.builds(
    Filters,
    max_length=st.none() | st.integers(1, 6),
    max_ratio=st.none() | st.floats(1, 4),
    drop_duplicates=st.booleans(),
)


def plain_reason(row: Row, filters: Filters, kept: set[Row]) -> str | None:
    shorter, longer = sorted(len(side.split()) for side in row)
    if not shorter:
        return "empty"
    if filters.max_length is not None and longer > filters.max_length:
        return "too_long"
    if filters.max_ratio is not None and longer / shorter > filters.max_ratio:
        return "ratio"
    return "duplicate" if filters.drop_duplicates and row in kept else None


@given(rows=ROWS, filters=FILTERS)
def test_each_pair_is_dropped_for_the_first_reason_or_kept(
    rows: list[Row], filters: Filters
) -> None:
    sieve, kept, dropped = Sieve(filters), set[Row](), Counter[str]()
    written = 0
    for row in rows:
        reason = sieve.reason(row)
        assert reason == plain_reason(row, filters, kept)
        if reason is None:
            kept.add(row)
            written += 1
        else:
            assert reason in REASONS
            dropped[reason] += 1
    assert written + dropped.total() == len(rows)
    if filters.drop_duplicates:
        assert written == len(kept)


@given(values=st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 50), max_size=300))
def test_a_set_of_hashes_is_a_set(values: list[int]) -> None:
    hashes, known = HashSet(), set[int]()
    for value in [*values, *values]:
        assert hashes.add(value) == (value not in known)
        known.add(value)
    assert len(hashes) == len(known)


def test_a_set_of_hashes_is_small() -> None:
    multiplier = 0x9E3779B97F4A7C15
    tracemalloc.start()
    hashes = HashSet()
    count = 100_000
    for number in range(1, count + 1):
        assert hashes.add(number * multiplier % 2**64)
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size <= 24 * count
    assert peak <= 36 * count
