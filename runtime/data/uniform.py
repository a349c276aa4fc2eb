"""Uniform random numbers, as NumPy makes them of the bits that a generator gives."""

import numpy as np
from numpy.typing import NDArray


def uniform(raw: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return numbers from 0 to below 1: of each 64 bits the upper 53."""
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
