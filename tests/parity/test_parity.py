"""Our networks against other people's with the same weights, which come through a map.

A folder beside this file holds `spec.yaml`, `map.yaml`, and `build.py` with `build() -> Peer`.
"""

import pytest

from tests.parity.comparison import MODELS, compare

CLOSE = 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_logits_agree(name: str) -> None:
    assert compare(name).difference < CLOSE


@pytest.mark.parametrize("name", MODELS)
def test_greedy_tokens_agree(name: str) -> None:
    comparison = compare(name)
    assert comparison.ours == comparison.theirs
