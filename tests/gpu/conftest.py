"""The worker process that has a pretended GPU, started once for all tests that ask it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gpu import pretend_cuda

ROOT = Path(__file__).parents[2]


class PretendedGpu:
    """Asks a worker process; see `tests/gpu/worker.py`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, probe: str, *arguments: Any) -> dict[str, Any]:
        """Return the answer, which says what the host would have waited for, if anything."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([probe, *arguments]), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, "the worker has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def result(self, probe: str, *arguments: Any) -> Any:
        """Return the result; raises AssertionError with the worker's traceback for an error."""
        answer = self.ask(probe, *arguments)
        assert "error" not in answer, answer["error"]
        return answer["result"]


@pytest.fixture(scope="session")
def gpu() -> Iterator[PretendedGpu]:
    """A worker with a pretended GPU; tests are skipped where there can be none."""
    try:
        library = pretend_cuda.build()
    except pretend_cuda.Unavailable as error:
        pytest.skip(str(error))
    command = [sys.executable, "-m", "tests.gpu.worker", str(library)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield PretendedGpu(process)
        assert process.stdin is not None
        process.stdin.close()
