"""The algebra: definitions, normal form, reach."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.mask.interval import Interval
from compiler.mask.mask import Mask
from compiler.mask.parse import MaskError, parse
from compiler.mask.relation import composed, deciding_length, empty_row, positions, rows
from tests.masks import ENDLESS, Written, causal_masks, masks, primitives

pytestmark = pytest.mark.quick

LENGTH = 13


def meaning(written: Written, length: int) -> list[list[bool]]:
    return [[written.reads(i, j, length) for j in range(length)] for i in range(length)]


def relation(mask: Mask, length: int) -> list[list[bool]]:
    return [[bool(row >> j & 1) for j in range(length)] for row in rows(mask, length)]


@settings(max_examples=400)
@given(masks(), st.integers(1, LENGTH))
def test_the_normal_form_means_what_was_written(written: Written, length: int) -> None:
    assert relation(parse(written.text), length) == meaning(written, length)


@settings(max_examples=300)
@given(masks())
def test_the_text_of_a_mask_is_that_mask(written: Written) -> None:
    mask = parse(written.text)
    assert parse(mask.text) == mask


@settings(max_examples=200)
@given(masks(), masks())
def test_equal_masks_have_one_form(one: Written, other: Written) -> None:
    a, b = one.text, other.text
    assert parse(f"{a} & {b}") == parse(f"{b} & {a}")
    assert parse(f"{a} | {b}") == parse(f"{b} | {a}")
    assert parse(f"{a} & {a}") == parse(f"{a} | {a}") == parse(a)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("causal & window(3)", "window(left=3, right=0)"),
        ("~(~causal | ~window(3))", "causal & window(3)"),
        ("~~block(4)", "block(4)"),
        ("block(1)", "window(0)"),
        ("block(2) & dilated(2)", "window(0)"),
        ("block(2) & block(4)", "block(2)"),
        ("block(2) | block(4)", "block(4)"),
        ("dilated(2) & dilated(3)", "dilated(6)"),
        ("strided(2) & strided(3)", "strided(6)"),
        ("dilated(2) | ~dilated(2)", "all"),
        ("first(3) | ~first(5) | first(6)", "all"),
        ("causal | ~causal", "all"),
        ("causal & ~causal", "~all"),
        ("causal & (window(2) | first(4))", "(causal & first(4)) | window(left=2, right=0)"),
        ("window(2) & window(5) & causal", "causal & window(2)"),
        ("dilated(3) & window(4)", "dilated(3) & window(3)"),
        ("block(4) & window(9)", "block(4)"),
        ("~(block(2) | ~causal)", "causal & ~block(2)"),
    ],
)
def test_laws(one: str, other: str) -> None:
    assert parse(one) == parse(other)


@settings(max_examples=300)
@given(masks())
def test_reach_holds_all_that_is_read(written: Written) -> None:
    reach = parse(written.text).reach
    for i in range(LENGTH):
        for j in range(LENGTH):
            if written.reads(i, j, LENGTH):
                assert reach is not None
                assert reach.low <= j - i <= reach.high


@settings(max_examples=100)
@given(primitives(ENDLESS))
def test_reach_of_a_primitive_is_exact(written: Written) -> None:
    """Finite bounds are reached, infinite ones are reached by the end of the stream."""
    offsets = [j - i for i in range(LENGTH) for j in range(LENGTH) if written.reads(i, j, LENGTH)]
    reach = parse(written.text).reach
    assert reach is not None
    for bound, seen in ((reach.low, min(offsets)), (reach.high, max(offsets))):
        assert seen == bound or (abs(bound) == float("inf") and abs(seen) >= LENGTH - 4)


@settings(max_examples=300)
@given(masks())
def test_an_empty_row_is_found_where_there_is_one(written: Written) -> None:
    mask = parse(written.text)
    longest = min(deciding_length(mask), 40)
    empty = [
        (i, n)
        for n in range(1, longest + 1)
        for i in range(n)
        if not any(written.reads(i, j, n) for j in range(n))
    ]
    found = empty_row(mask)
    assert (found in empty) if empty else (found is None)


@settings(max_examples=200)
@given(causal_masks())
def test_what_is_forgotten_is_never_read_again(written: Written) -> None:
    kept = parse(written.text).remembered().predicate
    for i in range(LENGTH):
        for j in range(i + 1):
            later = any(written.reads(k, j, LENGTH) for k in range(i, LENGTH))
            assert kept(i, j) or not later


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("causal & window(3)", "window(3)"),
        ("causal & block(4)", "block(4)"),
        ("causal & (window(2) | first(1))", "window(2) | first(1)"),
        ("causal & (window(2) | strided(3))", "window(2) | strided(3)"),
        ("causal & dilated(3)", "all"),
        ("causal", "all"),
    ],
)
def test_memory_is_bounded_by_the_mask(mask: str, kept: str) -> None:
    remembered, wanted = parse(mask).remembered().predicate, parse(kept).predicate
    for i in range(LENGTH):
        for j in range(i + 1):
            assert remembered(i, j) == wanted(i, j)


@pytest.mark.parametrize(
    ("text", "start", "message"),
    [
        ("", 0, "expected one of"),
        ("windw(3)", 0, "did you mean `window`?"),
        ("causal & ", 9, "expected one of"),
        ("causal window(3)", 7, "expected the end"),
        ("window", 6, "`(` and a number"),
        ("window(-1)", 7, "expected a mask"),
        ("block(0)", 6, "whole number from 1"),
        ("window(left=3)", 13, "expected `,`"),
        ("(causal", 7, "expected `)`"),
        ("causal and window(3)", 7, "expected the end"),
        ("block(99999999999999)", 6, "whole number from 1"),
        ("first(3) $", 9, "expected a mask"),
    ],
)
def test_mistakes_have_a_place(text: str, start: int, message: str) -> None:
    with pytest.raises(MaskError, match=None) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.start == start


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "~" * 5000,
        "causal & " * 5000,
        "&".join(f"(first({n}) | dilated({n + 40}) | strided({n + 80}))" for n in range(1, 20)),
    ],
)
def test_a_hostile_mask_is_refused_quickly(text: str) -> None:
    with pytest.raises(MaskError):
        parse(text)


def test_relations_compose() -> None:
    """Blocks of 4 twice reach 3, not 6, which no interval can tell."""
    block = rows(parse("block(4)"), LENGTH)
    assert composed(block, block) == block
    assert parse("block(4)").reach == Interval(low=-3, high=3)
    window = rows(parse("window(1)"), LENGTH)
    assert positions(composed(window, window)[5]) == [3, 4, 5, 6, 7]


def test_a_key_before_a_stop_is_no_later_than_that() -> None:
    assert parse("causal & first(1)") == parse("first(1)")
