"""Round numbers along an axis, and their words."""

import math

FACTORS = (1.0, 2.0, 2.5, 5.0, 10.0)
PARTS_OF_A_DECADE = (1, 2, 5)
MANY_DECADES = 6


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` round numbers, evenly spaced, from at or below `low` to `high` or more.

    The first and the last are the ends of the axis.
    """
    if high <= low:
        high = low + (abs(low) or 1.0)
    for step in _steps((high - low) / (most - 1)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            return [float(f"{place * step:.12g}") for place in range(first, last + 1)]
    raise AssertionError("some step is long enough")


def _steps(least: float) -> list[float]:
    """Return the round steps of which some span is covered by a few, the smallest first."""
    decade = 10.0 ** math.floor(math.log10(least))
    return [float(f"{decade * power * each:.12g}") for power in (1, 10) for each in FACTORS[:-1]]


def logarithmic_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from at or below `low` to `high` or more, for positive `low`.

    Over few decades they are 1, 2 and 5 times powers of ten; over many, powers of ten.
    """
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    if last - first > MANY_DECADES:
        every = math.ceil((last - first) / (most - 1))
        return [10.0**power for power in range(first, last + every, every)]
    last = max(last, first + 1)
    powers = [float(f"1e{power}") for power in range(first, last + 1)]
    if last - first > 2:
        return powers
    parts = [part * power for power in powers[:-1] for part in PARTS_OF_A_DECADE] + powers[-1:]
    below = max((each for each in parts if each <= low * (1 + 1e-9)), default=parts[0])
    above = min((each for each in parts if each >= high * (1 - 1e-9)), default=parts[-1])
    kept = [each for each in parts if below <= each <= above]
    return kept if len(kept) > 1 else powers


def tick_words(value: float) -> str:
    """Return `20,000`, `0.25` or `5e-5`: in full from a thousandth to a million."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.6f}".rstrip("0").rstrip(".")
    digits, exponent = f"{value:.3e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"
