"""Random masks with what they mean, said a second time and plainly."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

Reads = Callable[[int, int, int], bool]


@dataclass(frozen=True)
class Written:
    """A mask as text, and its meaning: (i, j, length) -> whether i reads j."""

    text: str
    reads: Reads


def _holds(name: str, n: int, right: int, place: tuple[int, int, int]) -> bool:
    """The definitions of the spec language, by hand."""
    i, j, length = place
    match name:
        case "all":
            return True
        case "causal":
            return j <= i
        case "window":
            return abs(i - j) <= n
        case "sides":
            return -n <= j - i <= right
        case "block":
            return i // n == j // n
        case "dilated":
            return (i - j) % n == 0
        case "strided":
            return j % n == n - 1
        case "first":
            return j < n
        case "last":
            return j >= length - n
    raise ValueError(name)


def primitive(name: str, n: int, right: int) -> Written:
    """One primitive; `right` is for `sides`, a window that is not even."""
    text = name if name in ("all", "causal") else f"{name}({n})"
    if name == "sides":
        text = f"window(left={n}, right={right})"
    return Written(text, lambda i, j, length: _holds(name, n, right, (i, j, length)))


ENDLESS = ("all", "causal", "window", "sides", "block", "dilated", "strided", "first")


def primitives(names: tuple[str, ...] = (*ENDLESS, "last")) -> st.SearchStrategy[Written]:
    """One primitive with small numbers."""
    numbers = st.integers(1, 4)
    return st.builds(primitive, st.sampled_from(names), numbers, st.integers(0, 3))


def both(one: Written, other: Written) -> Written:
    """`&`."""
    return Written(
        f"({one.text} & {other.text})", lambda i, j, n: one.reads(i, j, n) and other.reads(i, j, n)
    )


def either(one: Written, other: Written) -> Written:
    """`|`."""
    return Written(
        f"({one.text} | {other.text})", lambda i, j, n: one.reads(i, j, n) or other.reads(i, j, n)
    )


def negated(one: Written) -> Written:
    """`~`."""
    return Written(f"~{one.text}", lambda i, j, n: not one.reads(i, j, n))


def masks(names: tuple[str, ...] = (*ENDLESS, "last")) -> st.SearchStrategy[Written]:
    """Any mask of a few primitives."""
    return st.recursive(
        primitives(names),
        lambda below: st.one_of(
            st.builds(both, below, below),
            st.builds(either, below, below),
            st.builds(negated, below),
        ),
        max_leaves=5,
    )


def causal_masks() -> st.SearchStrategy[Written]:
    """Masks that a decoder may have: causal, and every position reads itself at least."""
    causal, itself = primitive("causal", 1, 0), primitive("window", 0, 0)
    return masks(ENDLESS).map(lambda each: either(both(causal, each), itself))
