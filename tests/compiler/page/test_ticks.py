"""Ticks are round, and cover what is drawn."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.page.chart import spread
from compiler.page.ticks import linear_ticks, logarithmic_ticks, tick_words

pytestmark = pytest.mark.quick

values = st.floats(min_value=1e-9, max_value=1e9)


@given(values, values)
def test_linear_ticks_cover_the_values_evenly(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = linear_ticks(low, high)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] <= low * (1 + 1e-6)
    assert ticks[-1] >= high * (1 - 1e-6)
    steps = [after - before for before, after in pairwise(ticks)]
    assert math.isclose(min(steps), max(steps), rel_tol=1e-3, abs_tol=1e-9 * abs(ticks[-1]))


@given(values, values)
def test_logarithmic_ticks_cover_the_values(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = logarithmic_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    assert ticks[0] <= low * (1 + 1e-6)
    assert ticks[-1] >= high * (1 - 1e-6)


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [
        ((0, 100_000), [0, 20_000, 40_000, 60_000, 80_000, 100_000]),
        ((0, 7e-4), [0, 2e-4, 4e-4, 6e-4, 8e-4]),
        ((1.6, 8.2), [0, 2, 4, 6, 8, 10]),
        ((5, 5), [5, 6, 7, 8, 9, 10]),
    ],
)
def test_linear_ticks(ends: tuple[float, float], ticks: list[float]) -> None:
    assert linear_ticks(*ends) == ticks


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (20_000, "20,000"), (0.25, "0.25"), (5e-5, "5e-5"), (2.5e-4, "2.5e-4")],
)
def test_words_of_ticks(value: float, words: str) -> None:
    assert tick_words(value) == words


@given(st.lists(st.floats(0, 200), max_size=10))
def test_heights_are_spread_within_the_plot(heights: list[float]) -> None:
    moved = spread(sorted(heights), 14, 200)
    assert all(b - a >= 14 - 1e-6 for a, b in pairwise(moved))
    assert all(each <= 200 for each in moved)
