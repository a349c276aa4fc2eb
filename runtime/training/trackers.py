"""Trackers of experiments: programs that show the figures of runs beside each other.

TensorBoard gets the figures of every run where it is installed; others are asked for by name, as
`train --track wandb` does. What a tracker needs to know (a server, an account, whether it may use
the network) it takes from its own settings, such as WANDB_MODE.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from compiler.spec.spec import Spec
from runtime.errors import UserError
from runtime.run import Run

PROJECT = "specformer"
"""The project of a tracker in which runs are shown, unless its environment names another."""
OWN = "tensorboard"
"""The tracker that gets figures without being asked for: it writes into the run's folder alone."""
TRACKED = "tracked_as"
"""What `run.json` calls the name under which trackers know a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """A run that goes on after update `step`; `name` is that under which trackers know it."""

    folder: Path
    name: str
    spec: Spec
    step: int


class Tracker(Protocol):
    """A tracker that shows one run."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Show figures of update `step` by their names, such as `train/loss`."""

    def close(self) -> None:
        """Wait until all figures are written."""


class TensorBoard:
    """Event files in the folder `tensorboard` of a run, without what came after its update."""

    def __init__(self, run: TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run.folder / "tensorboard"), purge_step=run.step + 1)

    def write(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run of W&B; figures stand over `update`, since its own steps can never go back."""

    def __init__(self, run: TrackedRun) -> None:
        wandb: Any = importlib.import_module("wandb")
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run.name,
            name=run.name,
            config=run.spec.model_dump(mode="json"),
            dir=str(run.folder),
            resume="allow",
        )
        self._run.define_metric("*", step_metric="update")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({"update": step, **values})

    def close(self) -> None:
        self._run.finish()


class Trackio:
    """A run of Trackio, in its database on this machine or where its environment says."""

    def __init__(self, run: TrackedRun) -> None:
        self._trackio: Any = importlib.import_module("trackio")
        self._trackio.init(
            project=os.environ.get("TRACKIO_PROJECT", PROJECT),
            name=run.name,
            config=run.spec.model_dump(mode="json"),
            resume="allow",
            embed=False,
        )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        self._trackio.log(dict(values), step=step)

    def close(self) -> None:
        self._trackio.finish()


TRACKERS: dict[str, Callable[[TrackedRun], Tracker]] = {
    "tensorboard": TensorBoard,
    "trackio": Trackio,
    "wandb": WeightsAndBiases,
}
"""The trackers by the names of their packages: a new one is a class and a line here."""


def check_trackers(names: Sequence[str]) -> None:
    """Raises a UserError for a tracker that is not known, or whose package is not installed."""
    for name in names:
        if name not in TRACKERS:
            raise UserError(
                f"--track {name}: there is no such tracker", help=f"one of {', '.join(TRACKERS)}"
            )
        if importlib.util.find_spec(name) is None:
            raise UserError(
                f"--track {name}: the package `{name}` is not installed",
                help=f"`pip install {name}`, or leave --track out: metrics.jsonl has all figures",
            )


class Trackers:
    """The trackers of one run; one that fails is reported and left out, and training goes on."""

    def __init__(self, opened: Mapping[str, Tracker], report: Callable[[str], None]) -> None:
        self.opened, self._report = dict(opened), report

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Show figures of update `step` in each of them; `kind` is `train` or `valid`."""
        named = {f"{kind}/{name}": value for name, value in values.items()}
        for name, tracker in list(self.opened.items()):
            with self._reported(name):
                tracker.write(step, named)

    def close(self) -> None:
        """Wait until each has written all figures."""
        for name, tracker in list(self.opened.items()):
            with self._reported(name):
                tracker.close()

    @contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.opened.pop(name, None)
            self._report(f"{name} gets no more figures, which metrics.jsonl has: {error}")


def open_trackers(
    names: Sequence[str], run: Run, step: int, report: Callable[[str], None]
) -> Trackers:
    """Return the trackers of a run that goes on after update `step`.

    TensorBoard is among them wherever it is installed; where nobody asked for it and it cannot
    begin, it is left out. A run keeps the name under which trackers know it. Raises a UserError for
    a tracker that was asked for and cannot begin.
    """
    name = run.begun.get(TRACKED) or f"{run.folder.resolve().name}-{uuid4().hex[:8]}"
    if names and TRACKED not in run.begun:
        run.amend({TRACKED: name})
    tracked = TrackedRun(folder=run.folder, name=name, spec=run.package.spec, step=step)
    with ExitStack() as opened:
        trackers = Trackers({}, report)
        opened.callback(trackers.close)
        for each in dict.fromkeys(names):
            trackers.opened[each] = _open(each, tracked)
        if OWN not in names and importlib.util.find_spec(OWN) is not None:
            with suppress(UserError):
                trackers.opened[OWN] = _open(OWN, tracked)
        opened.pop_all()
    return trackers


def _open(tracker: str, run: TrackedRun) -> Tracker:
    try:
        return TRACKERS[tracker](run)
    except Exception as error:
        raise UserError(
            f"--track {tracker}: {error}",
            help="mend its settings, or leave --track out: metrics.jsonl has all figures",
        ) from error
