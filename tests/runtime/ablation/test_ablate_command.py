"""`specformer ablate` with rows as processes: to its end, stopped, killed, on a cluster."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.ablation.launchers import LocalPool, Slurm, core_slots
from runtime.ablation.record import FAILURE, OUTPUT, RESULT, ROWS, RUN, Failure, Result, read_record
from runtime.ablation.running import run_rows
from runtime.checkpoints.checkpoint import TRAINER
from runtime.checkpoints.listing import list_checkpoints
from runtime.errors import UserError
from runtime.system.file_lock import is_held
from tests.runtime.ablation.conftest import HOT, Command, Enqueue, wait_for

ONE = "--jobs=1"
LONG = "--set=training.steps=600"
KILLS = 4

AssertSame = Callable[[Path, Path], None]


def rows(out: Path) -> list[Path]:
    return sorted((out / ROWS).iterdir())


def scores(row: Path) -> dict[str, float]:
    """All but those that depend on the clock."""
    found = read_record(row / RESULT, Result).scores
    return {key: found[key] for key in found if key not in ("minutes", "tokens_per_second")}


def children(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    path = Path(f"/proc/{process}/task/{process}/children")
    try:
        own = [int(word) for word in path.read_text().split()]
    except OSError:
        return []
    return [*own, *(below for each in own for below in children(each))]


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """As when the power goes: nobody has time to save anything."""
    for each in [process.pid, *children(process.pid)]:
        os.kill(each, signal.SIGKILL)
    process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 1200  # a busy machine is slow
    while not condition():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.05)


def has_begun(row: Path) -> bool:
    """Whether it has saved a checkpoint."""
    return any((row / RUN / "checkpoints").glob("step-*/trainer.json"))


def test_a_row_that_diverges_is_reported_and_the_others_go_on(
    ablate: Command, file: Path, out: Path
) -> None:
    file.write_text(file.read_text() + HOT)
    code, said = wait_for(ablate())
    assert code == 1, said
    base, row, hot = rows(out)
    assert scores(base)["train_steps"] == scores(row)["train_steps"] == 30
    assert "not finite" in read_record(hot / FAILURE, Failure).reason
    assert "diverged" in (out / "table.txt").read_text()
    assert "hot-seed1: failed: the loss or its gradient is not finite" in said
    finished = [(each / RESULT).stat().st_mtime_ns for each in (base, row)]
    code, said = wait_for(ablate("--report"))
    assert code == 1
    assert "begins" not in said
    assert "goes on" not in said
    code, said = wait_for(ablate())
    assert code == 1
    assert [(each / RESULT).stat().st_mtime_ns for each in (base, row)] == finished
    assert "hot-seed1 goes on" in said
    assert "base-seed1 goes on" not in said


def test_text_is_prepared_once_and_what_is_done_is_only_shown(
    ablate: Command, out: Path, tmp_path: Path
) -> None:
    code, said = wait_for(ablate("--jobs=2"))
    assert code == 0, said
    assert len([each for each in (tmp_path / "cache").iterdir() if each.is_dir()]) == 1
    code, said = wait_for(ablate("--jobs=2"))
    assert code == 0
    assert "begins" not in said
    assert "to do" not in said
    assert "heads-1" in said
    assert (out / "report.html").is_file()
    assert not any((each / FAILURE).exists() for each in rows(out))


def test_the_plan_writes_nothing(ablate: Command, file: Path, out: Path, tmp_path: Path) -> None:
    long = "D: {rows: [{name: r, set: {model.encoder.self_attention.mask: window(3) & all}}]}"
    file.write_text(file.read_text() + f"  {long}\n")
    code, said = wait_for(ablate("--dry-run"))
    assert code == 0, said
    assert "3 rows x 1 seed = 3 runs, 3 to do" in said
    assert "model.attention.heads: 1" in said
    assert "model.encoder.self_attention.mask: window(3) & all" in said
    assert not out.exists()
    assert not (tmp_path / "cache").exists()


def test_a_wrong_file_ends_with_2(ablate: Command, file: Path, out: Path) -> None:
    file.write_text(file.read_text().replace("[1]", "[1, 3]"))
    code, said = wait_for(ablate())
    assert code == 2
    assert "error[uneven-heads]" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "help"),
    [
        (["--slurm=partition=gpu"], "--slurm has no effect on this machine"),
        (["--launcher=slurm", "--slurm=partition"], "expected KEY=VALUE"),
        (["--launcher=slurm", "--device=cpu"], "--device has no effect on jobs"),
        (["--set=training.seed=3"], "the seed is no setting of an ablation"),
    ],
)
def test_options_without_effect_are_refused(
    options: list[str], help: str, ablate: Command, out: Path
) -> None:
    code, said = wait_for(ablate(*options))
    assert code == 2, said
    assert help in said
    assert not out.exists()


def test_epochs_are_not_counted_for_machines_that_slurm_chooses(ablate: Command, out: Path) -> None:
    code, said = wait_for(ablate("--launcher=slurm", "--set=training.epochs=2"))
    assert code == 2, said
    assert "depends on the machines that Slurm will choose" in said
    assert not out.exists()


@pytest.fixture
def whole(ablate: Command, tmp_path: Path) -> Path:
    """The long ablation, run in peace; with as many threads, or its last bits are others."""
    folder = tmp_path / "whole"
    code, said = wait_for(ablate(LONG, ONE, folder=folder))
    assert code == 0, said
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_kills_at_any_moment_change_nothing(
    ablate: Command, whole: Path, out: Path, assert_same: AssertSame
) -> None:
    """Of all processes; then of the command alone; then a stop. What is done is done once."""
    draw, results = random.Random(2), dict[Path, int]()
    for _ in range(KILLS):
        process = ablate(LONG, ONE)
        time.sleep(draw.uniform(3, 10))
        kill_all(process)
        for row, written in results.items():
            assert (row / RESULT).stat().st_mtime_ns == written
        found = out.glob(f"{ROWS}/*/{RESULT}")
        results = {each.parent: each.stat().st_mtime_ns for each in found}
    process = ablate(LONG, ONE)
    time.sleep(draw.uniform(3, 6))
    process.kill()  # the row is told by the system, and saves its work
    process.communicate()
    code, said = wait_for(ablate(LONG, ONE))
    assert code == 0, said
    assert not any((each / FAILURE).exists() for each in rows(out))
    for one, other in zip(rows(whole), rows(out), strict=True):
        assert scores(one) == scores(other)
        assert_same(one / RUN, other / RUN)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
def test_a_signal_saves_all_rows(ablate: Command, out: Path) -> None:
    endless = "--set=training.steps=100000"
    process = ablate(endless, "--jobs=2")
    base, row = out / ROWS / "base-seed1", out / ROWS / "heads-1-seed1"
    wait_until(lambda: has_begun(base) and has_begun(row))
    os.kill(process.pid, signal.SIGTERM)
    code, said = wait_for(process)
    assert code == 128 + signal.SIGTERM, said
    assert "continue with `specformer ablate" in said
    for each in (base, row):
        assert not is_held(each)
        assert not (each / FAILURE).exists()
        last = list_checkpoints(each / RUN / "checkpoints")[-1]
        assert f"{last.step}; all work is saved" in (each / OUTPUT).read_text()
        assert (last.folder / TRAINER).is_file()


def test_two_processes_train_a_row(enqueue: Enqueue, tmp_path: Path) -> None:
    base, _ = enqueue()
    pool = LocalPool(slots=core_slots(1, 2), cache=tmp_path / "cache", device="cpu", processes=2)
    run_rows([base], pool, [], print)
    assert (base / RESULT).is_file(), (base / OUTPUT).read_text()
    assert "on 2 x cpu" in (base / OUTPUT).read_text()


@pytest.fixture
def cluster(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Processes of this machine, by the ways of a cluster."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    return Slurm(out, {"timeout_min": 5}, cache=tmp_path / "cache", jobs=2, cluster="local")


def test_rows_are_jobs_of_a_cluster(enqueue: Enqueue, file: Path, cluster: Slurm) -> None:
    file.write_text(file.read_text() + HOT)
    said: list[str] = []
    folders = enqueue()
    run_rows(folders, cluster, [], said.append)
    base, row, hot = folders
    assert (base / RESULT).is_file(), (base / OUTPUT).read_text()
    assert (row / RESULT).is_file()
    assert "not finite" in read_record(hot / FAILURE, Failure).reason


def test_a_job_that_is_cancelled_saves_its_work(enqueue: Enqueue, cluster: Slurm) -> None:
    base, _ = enqueue("training.steps=100000")
    job = cluster.start(base)
    wait_until(lambda: has_begun(base))
    job.stop()
    wait_until(lambda: not job.is_running())
    assert "all work is saved" in (base / OUTPUT).read_text()


def test_parameters_that_no_cluster_knows_are_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="launcher slurm"):
        Slurm(out, {"partitoin": "gpu"}, cache=tmp_path, cluster="local")
