"""Eight processes on GPUs send each gradient once an update, in few collectives, and never wait."""

import pytest

from tests.gpu.conftest import PretendedGpu


@pytest.mark.parametrize("sentences", [24, 2])
def test_shared_update(gpu: PretendedGpu, sentences: int) -> None:
    """With two sentences this process, the fourth, has none."""
    result = gpu.result("share", "transformer-base", sentences)
    assert sum(result["sent"]) == result["weights"] + 3 * 4
    assert len(result["sent"]) == 8
    assert result["waits"] == {}
