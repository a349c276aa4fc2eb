"""Numbers of tokens of vocabularies that another program has numbered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.vocabulary.rows import UNKNOWN, Rows

pytestmark = pytest.mark.quick

NUMBERS = st.one_of(st.none(), st.integers(0, 50))


def test_symbols_come_first_and_no_token_is_lost() -> None:
    rows = Rows.renumbered((0, 100, 101, 102), 30522)
    assert len(rows) == 30522
    assert rows.theirs[:6] == (0, 100, 101, 102, 1, 2)
    assert sorted(each for each in rows.theirs if each is not None) == list(range(30522))
    assert str(rows) == "0 100-102 1-99 103-30521"
    assert [rows.number(each) for each in (0, 100, 101, 102, 1, 99, 103, 30522, None)] == [
        *(0, 1, 2, 3, 4, 102, 103, UNKNOWN, UNKNOWN)
    ]


def test_one_of_theirs_may_be_several_symbols_and_a_symbol_may_be_missing() -> None:
    rows = Rows.renumbered((None, None, 9, 9), 10)
    assert rows.theirs == (None, None, 9, 9, *range(9))
    assert rows.number(9) == 2
    t5 = Rows.renumbered((0, 2, 0, 1), 6)
    assert t5.theirs == (0, 2, 0, 1, 3, 4, 5)
    assert t5.number(0) == 0


def test_a_text_contains_no_symbol() -> None:
    rows = Rows.renumbered((0, 100, 101, 102, 103), 200)
    assert rows.encoded([1, 0, 101, 102, 103, 100, 199, 500]) == [5, *[UNKNOWN] * 5, 199, UNKNOWN]


@given(st.lists(NUMBERS, max_size=30), st.integers(0, 5))
def test_rows_are_read_as_they_were_written(numbers: list[int | None], symbols: int) -> None:
    rows = Rows(tuple(numbers), symbols)
    assert Rows.parse(str(rows), symbols) == rows


@given(st.lists(NUMBERS, min_size=4, max_size=5), st.integers(1, 60))
def test_every_token_beside_the_symbols_has_a_row_of_its_own(
    symbols: list[int | None], size: int
) -> None:
    rows = Rows.renumbered(symbols, size)
    others = [number for number in range(size) if number not in symbols]
    assert [rows.theirs[each] for each in rows.encoded(others)] == others
    assert min(rows.encoded(others), default=9) >= len(symbols)


def test_the_same_numbers() -> None:
    assert Rows.renumbered((0, 1, 2, 3), 9).is_identity
    assert not Rows.renumbered((0, 2, 1, 3), 9).is_identity


@pytest.mark.parametrize("text", ["-3", "a", "1-", "1 None"])
def test_what_is_no_row(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number, a range or `none`"):
        Rows.parse(text, 4)
