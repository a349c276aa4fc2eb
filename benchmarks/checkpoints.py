"""Measure how long a checkpoint stops a training.

    python -m benchmarks.checkpoints transformer-base

What is copied at once stops it; what a thread writes does not, unless the run ends: the sum of both
is the time from a signal between two updates to the end.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import torch

from compiler.pipeline import compile_spec
from runtime.checkpoints.background import copied
from runtime.checkpoints.checkpoint import Batching, Content, Identity, Machine, write_checkpoint
from runtime.checkpoints.progress import Progress
from runtime.package import Package, load_package
from runtime.training.train_state import TrainState
from runtime.training.workers import Workers

Result = TypeVar("Result")


def main() -> None:
    """Print the size of a checkpoint and the seconds of its two parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("--folder", type=Path, default=Path(), help="where it is written")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="checkpoints-", dir=options.folder) as folder:
        compiled = compile_spec(options.spec)
        compiled.write(Path(folder, compiled.folder_name))
        package = load_package(Path(folder, compiled.folder_name))
        state = after_an_update(package)
        copying, content = timed(lambda: content_of(package, state))
        writing, written = timed(lambda: write_checkpoint(Path(folder), content, is_interim=False))
        size = sum(path.stat().st_size for path in written.folder.iterdir())
    print(f"{options.spec}: {size / 1e9:.2f} GB, {Machine.here(state.device, 1)}")
    print(f"copied in {copying:.2f} s, written and hashed in {writing:.2f} s")


def after_an_update(package: Package) -> TrainState:
    """Return the state of a training whose optimizer has its moments."""
    state = TrainState(package, torch.device("cpu"), Workers())
    for parameter in state.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    state.optimizer.step()
    state.optimizer.zero_grad()
    return state


def content_of(package: Package, state: TrainState) -> Content:
    """Return what a training copies of its state before it goes on."""
    training = package.spec.training
    return Content(
        identity=Identity.of(package.spec),
        progress=Progress(step=1),
        metric=training.validation.metric,
        batching=Batching.of(training, state.computation.batching),
        metrics_bytes=0,
        machine=Machine.here(state.device, 1),
        weights=copied(state.weights()),
        training_state=copied(state.other_tensors()),
    )


def timed(act: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds of an act, and its result."""
    started = time.perf_counter()
    result = act()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
