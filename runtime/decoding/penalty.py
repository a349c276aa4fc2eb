"""What the score of a hypothesis is divided by, so that long ones have a chance."""

from typing import assert_never

from compiler.spec.training import Decoding


def length_penalty(length: int, decoding: Decoding) -> float:
    """The divisor for a hypothesis of `length` tokens, END included; it never falls with `length`.

    With the exponent `decoding.length_penalty`: ((5 + length) / 6)^exponent (Wu et al. 2016,
    equation 14) or length^exponent.
    """
    match decoding.normalization:
        case "gnmt":
            return ((5 + length) / 6) ** decoding.length_penalty
        case "length":
            return float(length**decoding.length_penalty)
        case other:
            assert_never(other)
