"""How long a queue will take."""

from pathlib import Path

from runtime.ablation.estimate import finished_speed, measured_speed
from runtime.ablation.files import RESULT, write_record
from runtime.ablation.queue import read_queue
from runtime.ablation.record import Result
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


def test_the_speed_of_this_machine_is_measured() -> None:
    speed = measured_speed(64, 16, 1, "cpu")
    assert 1e6 < speed.flops < 1e14
    assert "64 x 16 and 16 x 64" in speed.source
