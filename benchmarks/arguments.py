"""The types of numbers on the command lines of benchmarks: argparse refuses others by name."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def at_least(least: int) -> Callable[[str], int]:
    """Return a type of argparse: a whole number from `least` on."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if number < least:
            raise ArgumentTypeError(f"expected at least {least}, got {number}")
        return number

    return parse


positive = at_least(1)


def share(text: str) -> float:
    """Return a number from 0 on and below 1."""
    try:
        number = float(text)
    except ValueError:
        raise ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not 0.0 <= number < 1.0:
        raise ArgumentTypeError(f"expected a number from 0 on and below 1, got {text}")
    return number
