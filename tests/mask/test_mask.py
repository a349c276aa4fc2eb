"""The algebra: definitions, normal form, reach."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.mask.interval import Interval
from compiler.mask.mask import Mask
from compiler.mask.parse import MaskError, parse
from compiler.mask.relation import composed, empty_row, later_read, positions, reads_within, rows
from tests.support.masks import (
    ENDLESS,
    Written,
    both,
    causal_masks,
    either,
    masks,
    negated,
    primitive,
    primitives,
)

pytestmark = pytest.mark.quick

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
    assert parse(mask.text).text == mask.text


def nested(random: Random, depth: int, names: tuple[str, ...], largest: int) -> Written:
    """A mask of up to 2^depth primitives."""
    if depth == 0 or random.random() < 0.1:
        return primitive(random.choice(names), random.randint(1, largest), random.randint(0, 4))
    one = nested(random, depth - 1, names, largest)
    if random.random() < 0.15:
        return negated(one)
    join = random.choice([both, either])
    return join(one, nested(random, depth - 1, names, largest))


@pytest.mark.parametrize("depth", [3, 4, 5])
def test_large_masks_are_read_again_as_they_are_or_refused(depth: int) -> None:
    """Up to 32 primitives of all kinds, with numbers whose common multiples are large."""
    random, refused = Random(depth), 0
    for _ in range(40):
        written = nested(random, depth, (*ENDLESS, "last"), 15)
        try:
            mask = parse(written.text)
        except MaskError:
            refused += 1
            continue
        assert parse(mask.text) == mask
        for length in (2, LENGTH):
            assert relation(mask, length) == meaning(written, length)
    assert refused < 10


BANDS = ("all", "causal", "window", "sides", "first")


def test_masks_of_bands_and_first_keys_are_equal_if_they_mean_the_same() -> None:
    """Numbers up to 3, so that 10 positions tell any two of them apart."""
    random, forms = Random(1), dict[tuple[bool, ...], str]()
    for number in range(1200):
        written = nested(random, 2 + number % 3, BANDS, 3)
        rows = tuple(each for row in meaning(written, 12) for each in row)
        text = parse(written.text).text
        assert forms.setdefault(rows, text) == text
    assert len(forms) > 100


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
        ("~causal | block(2)", "~causal | (causal & block(2))"),
        ("window(3)", "window(left=3, right=2) | (window(3) & ~dilated(6))"),
        ("window(3)", "window(1) | (window(3) & ~block(2)) | (window(3) & block(2))"),
        ("block(2) | ~block(4) | window(1)", "~(block(4) & ~block(2) & ~window(1))"),
        (
            "(first(1) | block(3)) & window(left=0, right=2)",
            "(~causal & block(3)) | (block(3) & window(0)) | (window(left=0, right=2) & first(1))",
        ),
        ("first(2) & ~window(5) & last(3)", "first(2) & causal & ~window(5) & last(3)"),
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
    offsets = parse(written.text).dependence
    for i in range(LENGTH):
        for j in range(LENGTH):
            if written.reads(i, j, LENGTH):
                assert offsets is not None
                assert offsets.low <= j - i <= offsets.high


@settings(max_examples=100)
@given(primitives(ENDLESS))
def test_reach_of_a_primitive_is_exact(written: Written) -> None:
    """Finite bounds are reached, infinite ones are reached by the end of the stream."""
    offsets = [j - i for i in range(LENGTH) for j in range(LENGTH) if written.reads(i, j, LENGTH)]
    hull = parse(written.text).dependence
    assert hull is not None
    for bound, seen in ((hull.low, min(offsets)), (hull.high, max(offsets))):
        assert seen == bound or (abs(bound) == float("inf") and abs(seen) >= LENGTH - 4)


@settings(max_examples=300)
@given(masks())
def test_an_empty_row_is_found_where_there_is_one(written: Written) -> None:
    mask = parse(written.text)
    empty = [
        (i, n)
        for n in range(1, 2 * LENGTH)
        for i in range(n)
        if not any(written.reads(i, j, n) for j in range(n))
    ]
    found = empty_row(mask)
    if found is None:
        assert not empty
    else:
        i, n = found
        assert not any(written.reads(i, j, n) for j in range(n))
        assert found == empty[0] if empty else n >= 2 * LENGTH


@settings(max_examples=300)
@given(masks(ENDLESS))
def test_a_later_position_is_found_where_one_is_read(written: Written) -> None:
    read = [
        i for i in range(3 * LENGTH) for j in range(i + 1, 5 * LENGTH) if written.reads(i, j, 0)
    ]
    found = later_read(parse(written.text))
    if found is None:
        assert not read
    else:
        assert found[0] < found[1]
        assert written.reads(*found, 0)
        assert not read or found[0] == read[0]


@settings(max_examples=300)
@given(masks(), st.integers(1, LENGTH))
def test_a_mask_that_reads_nothing_is_told_from_one_that_does(
    written: Written, longest: int
) -> None:
    """Queries are of another text than keys, as in cross-attention."""
    reads = any(
        written.reads(i, j, length)
        for length in range(1, longest + 1)
        for i in range(longest)
        for j in range(length)
    )
    assert reads_within(parse(written.text), longest) == reads


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ("causal | (window(1) & ~first(400))", (399, 400)),
        ("causal | (window(1) & strided(1000))", (998, 999)),
        ("causal | (strided(997) & first(997))", (0, 996)),
        ("block(5000)", (0, 4999)),
        ("causal | (block(1048576) & ~block(1048575))", (0, 1048575)),
        ("(block(2) & ~strided(2)) | window(0)", None),
        ("causal & ~strided(1000)", None),
    ],
)
def test_a_leak_far_from_the_start_is_found(mask: str, found: tuple[int, int] | None) -> None:
    assert later_read(parse(mask)) == found


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        ("first(1023)", None),
        ("first(1048576)", None),
        ("first(1000) & ~window(999) | window(3) & ~strided(1)", (0, 1)),
        ("~first(1000) & causal", (0, 1)),
        ("first(1000) & window(1000)", (2000, 2001)),
        ("last(1000)", None),
        ("last(1000) & ~last(2)", (0, 1)),
        ("(last(500) | window(2)) & ~window(0)", (0, 1)),
        ("strided(1021) & causal | first(1)", None),
    ],
)
def test_an_empty_row_far_from_the_start_is_found(mask: str, found: tuple[int, int] | None) -> None:
    assert empty_row(parse(mask)) == found


@settings(max_examples=200)
@given(causal_masks())
def test_what_is_forgotten_is_never_read_again(written: Written) -> None:
    kept = parse(written.text).still_needed().predicate
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
    remembered, wanted = parse(mask).still_needed().predicate, parse(kept).predicate
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
        ("window(-1)", 7, "whole number from 0"),
        ("window(+1)", 7, "whole number from 0"),
        ("block(0)", 6, "whole number from 1"),
        ("window(left=3)", 13, "expected `,`"),
        ("(causal", 7, "expected `)`"),
        ("causal and window(3)", 7, "expected the end"),
        ("block(99999999999999)", 6, "whole number from 1"),
        ("first(3) $", 9, "expected a mask"),
        ("window(\u0663)", 7, "expected a mask"),
        ("window(\uff13)", 7, "expected a mask"),
        ("window(1_0)", 8, "expected `)`"),
        ("caus\u0430l", 4, "expected"),
        ("(" * 60 + "all" + ")" * 60, 50, "nested deeper than 50 parentheses"),
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
    assert parse("block(4)").dependence == Interval(low=-3, high=3)
    window = rows(parse("window(1)"), LENGTH)
    assert positions(composed(window, window)[5]) == [3, 4, 5, 6, 7]


def test_a_key_before_a_stop_is_no_later_than_that() -> None:
    assert parse("causal & first(1)") == parse("first(1)")
