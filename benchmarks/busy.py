"""Measures `specformer train demo` of two checkouts, alone and beside busy processes.

    python -m benchmarks.busy --before ../old-checkout

Rounds of three runs follow each other: another checkout of specformer alone, this one alone, this
one beside processes that never rest; the medians are printed. The command fails unless all runs end
with the same weights. Both checkouts use the packages of this Python.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from safetensors.numpy import load_file

from benchmarks.arguments import positive
from benchmarks.command import finish, say
from benchmarks.machine import refuse_busy
from benchmarks.rounds import Disagreement
from runtime.system.process import USERS

ROOT = Path(__file__).parents[1]
RUN = "run"
WARM_UP = "training.schedule.warmup_steps=2"  # as there may be fewer updates than the demo's


def main() -> None:
    """Runs the measurements that the command line asks for."""
    options = _options()
    if not options.allow_busy:
        refuse_busy()
    kinds = {"this checkout, alone": (ROOT, 0), "this checkout, busy": (ROOT, options.busy)}
    if options.before:
        kinds = {"before, alone": (options.before.resolve(), 0)} | kinds
    with TemporaryDirectory() as name:
        folder = Path(name)
        _run(ROOT, folder, "corpus", "demo")
        for checkout in {checkout for checkout, _ in kinds.values()}:
            _train(checkout, folder, 5)  # prepares the text
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        expected: dict[str, bytes] = {}
        for number in range(options.rounds):
            for kind, (checkout, busy) in kinds.items():
                with _busy(busy):
                    times[kind].append(_train(checkout, folder, options.updates))
                say(f"round {number + 1}, {kind}: {times[kind][-1]:.1f} s")
                found = weights(folder / RUN)
                if found != (expected := expected or found):
                    raise Disagreement(f"{kind}: other weights than in the first run")
    first = median(next(iter(times.values())))
    for kind, seconds in times.items():
        print(f"{kind}: {median(seconds):.1f} s, {median(seconds) / first:.2f} times the first")
    print("the weights of all runs are the same to the bit")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.busy", description=__doc__)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="to compare with")
    parser.add_argument("--updates", type=positive, default=200, help="default: 200")
    parser.add_argument("--rounds", type=positive, default=5, help="default: 5")
    parser.add_argument(
        "--busy", type=positive, default=3, help="processes that never rest; default: 3"
    )
    parser.add_argument("--allow-busy", action="store_true", help="measure on a busy machine, too")
    return parser.parse_args()


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Starts processes that compute all the time, each with one thread."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _train(checkout: Path, folder: Path, updates: int) -> float:
    """Returns the seconds of the whole command, from the start of Python to its end."""
    changes = ("data.folder=demo", f"training.steps={updates}", WARM_UP)
    settings = [word for change in changes for word in ("--set", change)]
    shutil.rmtree(folder / RUN, ignore_errors=True)
    started = time.perf_counter()
    cache = f"cache{checkout.as_posix().replace('/', '-')}"
    _run(checkout, folder, "train", "demo", *settings, "--out", RUN, "--cache", cache)
    return time.perf_counter() - started


def _run(checkout: Path, folder: Path, *arguments: str) -> None:
    """Runs a command of a checkout with a thread a core; the checkout decides how they wait."""
    left_out = ("OMP_NUM_THREADS", *USERS)
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    subprocess.run(
        [sys.executable, "-P", "-m", "runtime", *arguments],
        env={**environment, "PYTHONPATH": str(checkout)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def weights(run: Path) -> dict[str, bytes]:
    """Returns all tensors of a run's last checkpoint."""
    file = max((run / "checkpoints").glob("*/model.safetensors"))
    return {name: tensor.tobytes() for name, tensor in load_file(file).items()}


if __name__ == "__main__":
    finish(main)
