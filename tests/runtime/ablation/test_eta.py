"""How long a queue will take."""

import itertools
from pathlib import Path

import pytest

from compiler.pipeline import compile_spec
from runtime.ablation.eta import finished_speed, measure, measured_speed
from runtime.ablation.queue import read_queue
from runtime.ablation.record import RESULT, Result, write_record
from tests.runtime.ablation.conftest import Enqueue


def test_the_speed_of_finished_runs_is_known(enqueue: Enqueue, out: Path) -> None:
    base, _ = enqueue()
    queue = read_queue(out)
    assert queue is not None
    assert finished_speed(out, queue.queued) is None
    write_record(base / RESULT, Result(scores={"minutes": 0.5}, signatures={}, versions={}))
    speed = finished_speed(out, queue.queued)
    assert speed is not None
    assert speed.flops == queue.queued[0].flops / 30
    assert "1 finished run" in speed.source


@pytest.mark.quick
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_speed_of_this_machine_is_measured_in_the_precision_of_the_spec(precision: str) -> None:
    spec = compile_spec("demo", [f"training.precision={precision}", "model.d_model=16"]).spec
    speed = measured_speed(spec, 1, "cpu")
    assert 1e6 < speed.flops < 1e14
    assert f"{precision} matrices of 2,048 x 16 and 16 x 64" in speed.source


@pytest.mark.quick
def test_a_busy_moment_does_not_change_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """One product in three is as fast as on a free machine; the others wait for a core."""
    now, waits = 0.0, itertools.cycle([0.001, 0.5, 0.2])

    def clock() -> float:
        nonlocal now
        now += next(waits) / 2
        return now

    monkeypatch.setattr("runtime.ablation.eta.time.perf_counter", clock)
    assert measure(8, 4, 1, "float32", "cpu")[0] >= 2 * 8 * 4 * 16 / 0.001
