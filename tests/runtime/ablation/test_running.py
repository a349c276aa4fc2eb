"""The loop that keeps rows running, with rows that are no processes."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.ablation import running
from runtime.ablation.launchers import LocalJob, core_slots, device_slots
from runtime.ablation.record import (
    FAILURE,
    RESULT,
    Failure,
    Result,
    read_record,
    write_failure,
    write_record,
)
from runtime.ablation.running import QueueInterruption, run_rows
from runtime.errors import UserError
from runtime.system.file_lock import held

pytestmark = pytest.mark.quick

DONE = Result(scores={"minutes": 1.0}, signatures={}, versions={})


@dataclass
class Scripted:
    """A job that ends after so many looks, leaving what it is told to."""

    folder: Path
    leaves: str
    looks: int = 2
    stopped: int = 0

    def is_running(self) -> bool:
        self.looks -= 1
        if self.looks == 0 and self.leaves == RESULT:
            write_record(self.folder / RESULT, DONE)
        if self.looks == 0 and self.leaves == FAILURE:
            write_failure(self.folder, Failure(reason="it did not work"))
        return self.looks > 0

    def stop(self) -> None:
        self.stopped += 1
        self.looks, self.leaves = 3, ""

    def ending(self) -> str:
        return "its process was ended by SIGKILL"


@dataclass
class Script:
    """A launcher with room for two."""

    leaves: dict[str, str] = field(default_factory=dict)
    jobs: list[Scripted] = field(default_factory=list)

    def has_room(self) -> bool:
        return sum(job.looks > 0 for job in self.jobs) < 2

    def start(self, folder: Path) -> Scripted:
        assert self.has_room()
        job = Scripted(folder, self.leaves.get(folder.name, RESULT))
        self.jobs.append(job)
        return job


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS_BETWEEN_LOOKS", 0.001)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    found = [tmp_path / name for name in "abcde"]
    for each in found:
        each.mkdir()
    return found


def started(script: Script) -> list[str]:
    return [job.folder.name for job in script.jobs]


def test_only_what_has_no_result_runs(folders: list[Path]) -> None:
    write_record(folders[1] / RESULT, DONE)
    write_failure(folders[2], Failure(reason="an earlier attempt"))
    script = Script()
    run_rows(folders, script, [], print)
    assert started(script) == ["a", "c", "d", "e"]
    assert not (folders[2] / FAILURE).exists()


def test_others_go_on_after_a_failure_and_a_death(folders: list[Path]) -> None:
    script, said = Script(leaves={"a": FAILURE, "b": ""}), list[str]()
    run_rows(folders, script, [], said.append)
    assert started(script) == list("abcde")
    assert any("a: failed: it did not work" in line for line in said)
    assert read_record(folders[1] / FAILURE, Failure).reason == "its process was ended by SIGKILL"
    assert all((each / RESULT).is_file() for each in folders[2:])


def test_a_row_that_outlived_its_command_is_waited_for(folders: list[Path]) -> None:
    """It is neither started beside itself, nor lost: here it dies without a result."""
    script, said = Script(), list[str]()
    with survivor(folders[0]) as end:

        def say(line: str) -> None:
            said.append(line)
            if "e begins" in line:
                end()

        run_rows(folders, script, [], say)
    assert said[0] == "a still runs from before"
    assert started(script) == ["b", "c", "d", "e", "a"]
    assert all((each / RESULT).is_file() for each in folders)


@contextmanager
def survivor(folder: Path) -> Iterator[object]:
    """Holds a folder until it is told to end."""
    hold = held(folder)
    hold.__enter__()
    yield lambda: hold.__exit__(None, None, None)


def test_a_signal_stops_each_row_once(folders: list[Path]) -> None:
    script = Script()

    def say(line: str) -> None:
        if line == "b begins":
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(QueueInterruption, match="SIGTERM") as stop:
        run_rows(folders, script, ["ablate", "my file.yaml"], say)
    assert [job.stopped for job in script.jobs] == [1, 1]
    assert stop.value.exit_code == 128 + signal.SIGTERM
    assert stop.value.help == "continue with `specformer ablate 'my file.yaml'`"
    assert not any((each / FAILURE).exists() for each in folders)


def test_cores_and_gpus_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.ablation.launchers.count_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert [each["OMP_NUM_THREADS"] for each in core_slots(2, 1)] == ["4", "4"]
    assert core_slots(4, 4)[0]["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert core_slots(2, 1)[0]["OMP_NUM_THREADS"] == "3"

    def visible(slots: Sequence[Mapping[str, str]]) -> list[str]:
        return [each["CUDA_VISIBLE_DEVICES"] for each in slots]

    devices = ["0", "1", "2", "3"]
    assert visible(device_slots(devices, 4, 1)) == devices
    assert visible(device_slots(devices, 2, 2)) == ["0,1", "2,3"]
    assert visible(device_slots(devices, 3, 2)) == ["0,1", "2,3", "0,1"]
    threads = [each["OMP_NUM_THREADS"] for each in device_slots(devices, 2, 2)]
    assert threads == [each["OMP_NUM_THREADS"] for each in core_slots(2, 2)]
    with pytest.raises(UserError, match="there are 4 GPUs"):
        device_slots(devices, 1, 5)


def test_how_a_process_ended_is_said() -> None:
    class Ended:
        def __init__(self, returncode: int) -> None:
            self.returncode = returncode

    assert LocalJob(process=Ended(-9)).ending() == "its process was ended by SIGKILL"  # type: ignore[arg-type]
    assert LocalJob(process=Ended(3)).ending() == "its process ended with exit code 3"  # type: ignore[arg-type]
